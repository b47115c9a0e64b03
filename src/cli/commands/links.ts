/** `sallyport links`: secret links to services. */

import { parseDuration } from '../../controlplane/config/duration.ts';
import { readServiceName } from '../../controlplane/config/forms.ts';
import type { NewLink } from '../../controlplane/identities/link-record.ts';
import type { Link } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { instant, type CliEvent } from '../event.ts';
import { withPeople } from '../people.ts';
import { urlOf } from '../running.ts';
import { gathered } from '../share-options.ts';
import { checkedFor, shareFor } from '../share-request.ts';
import { linkUrl } from '../shown-access.ts';

export function linksCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'links',
      summary: 'secret links to services',
      examples: ['sallyport links add blog --for 7d', 'sallyport links list', 'sallyport links revoke 3f9a0c11d2'],
    },
    [add(cli), list(cli), revoke(cli)],
  );
}

type AddOptions = Readonly<{
  for: string;
  label?: string;
  once?: boolean;
  uses?: string;
  path?: string;
  from?: readonly string[];
  firstBrowser?: boolean;
}>;

function add(cli: Cli) {
  return newCommand({
    usage: 'add <service>',
    summary: 'make a link; it is shown once',
    description:
      'Makes a secret link to a service whose access has a link. The link is shown once and kept only as a hash. One that is counted, or belongs to the first browser, shows a page first, so that the preview of a chat does not use it up.',
    examples: [
      'sallyport links add blog --for 7d',
      'sallyport links add blog --once --for 2h',
      'sallyport links add photos --uses 5 --path /2026 --label "the family"',
      'sallyport links add blog --first-browser --from 192.0.2.0/24',
      'sallyport links add blog --for never --label "Ben, review"',
    ],
  })
    .option('--for <time>', 'how long it opens: 30m, 2h, 7d, never', shareFor)
    .option('--label <words>', 'for whom, for your own lists')
    .option('--once', 'it opens once')
    .option('--uses <number>', 'it opens so many times')
    .option('--path <path>', 'it opens this path and what lies below, and nothing else of the service')
    .option('--from <network>', 'it opens from this address or network alone; may be said again', gathered)
    .option('--first-browser', 'it belongs to the browser that opens it first')
    .action(async (service: string, options: AddOptions) => {
      if (readServiceName(service) === null)
        throw new SallyportError('service-missing', `There is no service ${JSON.stringify(service)}.`, {
          hint: 'See what is open: sallyport status',
        });
      const wanted = newLink(service, options, cli.terminal.now());
      const { secret, link } = await withPeople(cli, ({ links }) => links.create(wanted));
      const address = await urlOf(cli, service);
      const reporter = cli.reporter();
      reporter.say(eventOf(link, linkUrl(address ?? '', secret), 'added'));
      if (address === null) reporter.note(`${service} is not running here: put its address before the link.`);
    });
}

/** Errors: `usage-wrong`. */
function newLink(service: string, options: AddOptions, now: number): NewLink {
  const span = checkedFor(options.for);
  const ms = span === null ? null : parseDuration(span);
  const uses = usesOf(options);
  return {
    service,
    expires: typeof ms === 'number' ? now + ms : null,
    label: options.label ?? null,
    ...(uses === undefined ? {} : { uses }),
    ...(options.path === undefined ? {} : { path: options.path }),
    ...(options.from === undefined ? {} : { from: options.from.flatMap((text) => text.split(',')) }),
    firstBrowser: options.firstBrowser === true,
  };
}

function usesOf({ once, uses }: AddOptions): number | undefined {
  if (once === true && uses !== undefined)
    throw new SallyportError('usage-wrong', 'Say --once or --uses, not both.', { hint: '--once is --uses 1.' });
  if (once === true) return 1;
  if (uses === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(uses))
    throw new SallyportError('usage-wrong', `--uses ${JSON.stringify(uses)} is no number of times.`, { hint: 'For example: --uses 5' });
  return Number(uses);
}

type LinkEvent = Extract<CliEvent, { event: 'link' }>;

function eventOf(
  { id, service, label, expires, uses, path, from, browser }: Link,
  url: string | null,
  change: LinkEvent['change'],
): LinkEvent {
  return {
    event: 'link',
    id,
    service,
    label,
    expires: instant(expires),
    ...(uses === undefined ? {} : { uses }),
    ...(path === undefined ? {} : { path }),
    ...(from === undefined ? {} : { from: from.map(({ text }) => text) }),
    ...(browser === undefined ? {} : { browser }),
    url,
    change,
  };
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'all links, without their secrets', examples: ['sallyport links list'] }).action(() =>
    withPeople(cli, async ({ links }) => {
      const reporter = cli.reporter();
      const all = links.list();
      if (all.length === 0) reporter.note('There is no link.');
      for (const link of all) reporter.say(eventOf(link, null, null));
    }),
  );
}

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke <id>',
    summary: 'end a link and the sessions that it opened',
    examples: ['sallyport links revoke 3f9a0c11d2'],
  }).action((id: string) =>
    withPeople(cli, async ({ links }) => {
      const link = links.byId(id);
      if (!(await links.revoke(id)))
        throw new SallyportError('link-missing', `There is no link ${JSON.stringify(id)}.`, {
          hint: 'See what there is: sallyport links list',
        });
      const gone: Link = link ?? { id, service: '', label: null, createdAt: 0, expires: null };
      cli.reporter().say(eventOf(gone, null, 'revoked'));
    }),
  );
}
