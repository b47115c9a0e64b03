/** `sallyport links`: secret links to services. */

import { parseDuration } from '../../controlplane/config/duration.ts';
import { readServiceName } from '../../controlplane/config/forms.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { instant } from '../event.ts';
import { withPeople } from '../people.ts';
import { urlOf } from '../running.ts';
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

type AddOptions = Readonly<{ for: string; label?: string }>;

function add(cli: Cli) {
  return newCommand({
    usage: 'add <service>',
    summary: 'make a link; it is shown once',
    description: 'Makes a secret link to a service whose access has a link. The link is shown once and kept only as a hash.',
    examples: ['sallyport links add blog --for 7d', 'sallyport links add blog --for never --label "Ben, review"'],
  })
    .option('--for <time>', 'how long it opens: 30m, 2h, 7d, never', shareFor)
    .option('--label <words>', 'for whom, for your own lists')
    .action(async (service: string, options: AddOptions) => {
      if (readServiceName(service) === null)
        throw new SallyportError('service-missing', `There is no service ${JSON.stringify(service)}.`, {
          hint: 'See what is open: sallyport status',
        });
      const span = checkedFor(options.for);
      const ms = span === null ? null : parseDuration(span);
      const expires = typeof ms === 'number' ? cli.terminal.now() + ms : null;
      const { secret, link } = await withPeople(cli, ({ links }) => links.create({ service, expires, label: options.label ?? null }));
      const address = await urlOf(cli, service);
      const reporter = cli.reporter();
      reporter.say({
        event: 'link',
        id: link.id,
        service,
        label: link.label,
        expires: instant(link.expires),
        url: linkUrl(address ?? '', secret),
        change: 'added',
      });
      if (address === null) reporter.note(`${service} is not running here: put its address before the link.`);
    });
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'all links, without their secrets', examples: ['sallyport links list'] }).action(() =>
    withPeople(cli, async ({ links }) => {
      const reporter = cli.reporter();
      const all = links.list();
      if (all.length === 0) reporter.note('There is no link.');
      for (const { id, service, label, expires } of all)
        reporter.say({ event: 'link', id, service, label, expires: instant(expires), url: null, change: null });
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
      cli.reporter().say({
        event: 'link',
        id,
        service: link?.service ?? '',
        label: link?.label ?? null,
        expires: instant(link?.expires ?? null),
        url: null,
        change: 'revoked',
      });
    }),
  );
}
