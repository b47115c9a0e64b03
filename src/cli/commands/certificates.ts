/** `sallyport certificates`: those of a public authority: which there are, and ordering one anew. */

import { setTimeout as sleep } from 'node:timers/promises';
import { callControlOrFail } from '../../controlplane/api/call.ts';
import { findCertificate, findState, listCertificates, listStates, materialOf } from '../../controlplane/acme/kept.ts';
import type { Records } from '../../contracts/store.ts';
import { SallyportError, codes, type Code } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { instant } from '../event.ts';
import { withPeople } from '../people.ts';

/** How often the store is asked whether the gateway has it. */
const lookMs = 200;

export function certificatesCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'certificates',
      summary: 'certificates of a public authority',
      examples: ['sallyport certificates list', 'sallyport certificates renew blog.example.org'],
    },
    [list(cli), renew(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'which there are, until when, and what failed',
    examples: ['sallyport certificates list', 'sallyport certificates list --json'],
  }).action(() =>
    withPeople(cli, async ({ store: { records } }) => {
      const reporter = cli.reporter();
      const names = new Set([...(await listCertificates(records)), ...(await listStates(records))].map(({ name }) => name));
      if (names.size === 0) reporter.note('No certificate was ordered. acme: in the configuration turns it on.');
      for (const name of [...names].toSorted()) reporter.say(await shownOf(records, name, null, cli.terminal.now()));
    }),
  );
}

function renew(cli: Cli) {
  return newCommand({
    usage: 'renew <name>',
    summary: 'order the certificate of a name anew, at once',
    description: 'Asks the running gateway to order the certificate of a name anew, and waits for what comes of it.',
    examples: ['sallyport certificates renew blog.example.org'],
  }).action((name: string) =>
    withPeople(cli, async ({ store: { records } }) => {
      const before = await findCertificate(records, name);
      const failed = await findState(records, name);
      await callControlOrFail(await cli.home(), 'renew', { name });
      const { now } = cli.terminal;
      for (const end = now() + defaults.acmeOrderMs; now() < end; await sleep(lookMs)) {
        if (((await findCertificate(records, name))?.at ?? 0) > (before?.at ?? 0))
          return cli.reporter().say(await shownOf(records, name, before === null ? 'ordered' : 'renewed', now()));
        const state = await findState(records, name);
        if (state.failures > failed.failures)
          throw new SallyportError(codeOf(state.code), state.why, { hint: `It is tried again at ${instant(state.next)}.` });
      }
      throw new SallyportError('authority-unreachable', `There is no certificate for ${name} yet.`, {
        hint: 'The gateway goes on: sallyport certificates list',
      });
    }),
  );
}

async function shownOf(records: Records, name: string, change: 'ordered' | 'renewed' | null, now: number) {
  const kept = await findCertificate(records, name);
  const material = kept === null ? null : materialOf(kept, now);
  const { failures, code, why, next } = await findState(records, name);
  return {
    event: 'certificate',
    name,
    change,
    expires: instant(material?.notAfter ?? null),
    authority: kept === null ? null : new URL(kept.directory).host,
    ...(failures === 0 ? {} : { code, why, next: instant(next) }),
  } as const;
}

function codeOf(text: string): Code {
  return Object.hasOwn(codes, text) ? (text as Code) : 'program-failed';
}
