/** `sallyport ca`: the local certificate authority: what it may sign, how to trust it, how to stop. */

import { openLocalCa } from '../../controlplane/certificates/local-ca.ts';
import { aboutTrust, trustWords } from '../../controlplane/certificates/trust-words.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';

export function caCommand(cli: Cli) {
  return newCommand({
    usage: 'ca',
    summary: 'the local certificate authority: how to trust it, and how to stop',
    description:
      'Shows the certificate authority of this state directory: where its certificate lies, what it may sign, how to trust it and how to remove it.',
    examples: ['sallyport ca', 'sallyport ca --json'],
  }).action(async () => {
    const { terminal } = cli;
    const ca = await openLocalCa(await cli.home(), { names: [], now: terminal.now });
    const reporter = cli.reporter();
    if (reporter.json) {
      for (const { fingerprint, domains, notAfter } of ca.authorities())
        reporter.say({ event: 'ca', path: ca.path, fingerprint, names: domains, expires: new Date(notAfter).toISOString() });
      return;
    }
    reporter.note(aboutTrust(ca.authorities(), ca.path).join('\n'));
    for (const { where, trust, remove } of trustWords(ca.path)) {
      reporter.note(
        [
          '',
          terminal.paint('bold', where),
          ...trust.map((line) => `  ${line}`),
          ...(remove.length === 0 ? [] : ['  to remove it:', ...remove.map((line) => `    ${line}`)]),
        ].join('\n'),
      );
    }
  });
}
