/** `sallyport pins`: short codes that open a service. */

import { randomInt } from 'node:crypto';
import { readServiceName } from '../../controlplane/config/forms.ts';
import { newPin, pinFault } from '../../controlplane/identities/pins.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import { withPeople } from '../people.ts';
import type { Terminal } from '../terminal.ts';

export function pinsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'pins',
      summary: 'short codes that open a service',
      examples: ['sallyport pins set photos', 'sallyport pins set photos --generate', 'sallyport pins remove photos'],
    },
    [set(cli), list(cli), remove(cli)],
  );
}

function set(cli: Cli) {
  return newCommand({
    usage: 'set <service>',
    summary: 'set the code of a service, or change it',
    description:
      'Sets the code of a service whose access has a pin: 6 to 12 digits. Asks for it twice, takes it from SALLYPORT_PIN, or makes one. Another code ends the sessions of the one before, and the waits after wrong ones.',
    examples: ['sallyport pins set photos', 'sallyport pins set photos --generate'],
  })
    .option('--generate', 'make one of eight digits, and show it once')
    .action(async (service: string, { generate }: Readonly<{ generate?: boolean }>) => {
      if (readServiceName(service) === null)
        throw new SallyportError('service-missing', `${JSON.stringify(service)} is no name of a service.`, {
          hint: 'For example: sallyport pins set photos',
        });
      const made = generate === true ? newPin((below) => randomInt(below)) : null;
      const code = made ?? (await typedPin(cli.terminal, service));
      await withPeople(cli, async ({ pins, store }) => {
        await pins.set(service, code);
        // Whoever had to wait because of guesses at the old one tries the new one at once.
        await store.bus.publish('users.unlock', `pin:${service}`);
      });
      cli.reporter().say({ event: 'pin', service, change: 'set', code: made });
    });
}

/** SALLYPORT_PIN, which is then forgotten so that no child inherits it; or the person's answer. Errors: `usage-wrong`, `interrupted`. */
async function typedPin({ env, askable }: Terminal, service: string): Promise<string> {
  const given = env['SALLYPORT_PIN'];
  if (given !== undefined && given !== '') {
    delete env['SALLYPORT_PIN'];
    return given;
  }
  if (!askable)
    throw new SallyportError('usage-wrong', `A code for ${service} is needed, and there is no terminal to ask for it.`, {
      hint: 'Hand it in as SALLYPORT_PIN, or say --generate.',
    });
  const first = await hidden(`A code for ${service}, 6 to 12 digits`, true);
  const second = await hidden('The same once more', false);
  if (first === second) return first;
  throw new SallyportError('usage-wrong', 'The two codes are not the same.', { hint: 'Try again; nothing was changed.' });
}

async function hidden(message: string, isNew: boolean): Promise<string> {
  const validate = (typed: string | undefined): string | undefined => {
    const fault = isNew ? pinFault(typed ?? '') : null;
    return fault === null ? undefined : `This will not do: ${fault}.`;
  };
  const { isCancel, password: askHidden } = await import('@clack/prompts');
  const answer = await askHidden({ message, validate, output: process.stderr });
  if (isCancel(answer)) throw new SallyportError('interrupted', 'Nothing was changed.');
  return answer;
}

function list(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'services that have a code, never what it is', examples: ['sallyport pins list'] }).action(
    () =>
      withPeople(cli, async ({ pins }) => {
        const reporter = cli.reporter();
        const all = pins.list();
        if (all.length === 0) reporter.note('No service has a code. Set one: sallyport pins set photos');
        for (const { service } of all) reporter.say({ event: 'pin', service, change: null, code: null });
      }),
  );
}

function remove(cli: Cli) {
  return newCommand({
    usage: 'remove <service>',
    summary: 'forget the code of a service, and end the sessions that it opened',
    examples: ['sallyport pins remove photos'],
  }).action((service: string) =>
    withPeople(cli, async ({ pins }) => {
      if (!(await pins.remove(service)))
        throw new SallyportError('pin-missing', `The service ${JSON.stringify(service)} has no code.`, {
          hint: 'See which do: sallyport pins list',
        });
      cli.reporter().say({ event: 'pin', service, change: 'removed', code: null });
    }),
  );
}
