/** `sallyport clients certificate` and `clients certificates`: certificates that visitors show, of an authority of our own. */

import { open, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { OwnCertificate } from '../../contracts/client-certificates.ts';
import { makeClientCertificate, clientDaysMax, type MadeCertificate } from '../../controlplane/certificates/clients/making.ts';
import { openClientRegister, type ClientRegister } from '../../controlplane/certificates/clients/register.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { fileFault, systemCode } from '../../core/system-error.ts';
import { openSqliteStore } from '../../modules/stores/sqlite.ts';
import type { Cli } from '../cli.ts';
import { newCommand, newGroup } from '../cli.ts';
import type { ClientCertificateEvent } from '../client-certificate-words.ts';
import { gathered } from '../share-options.ts';

type MakeOptions = Readonly<{ days: string; role?: readonly string[]; pem: string }>;

export function makeCertificateCommand(cli: Cli) {
  return newCommand({
    usage: 'certificate <name>',
    summary: 'make a client certificate for somebody, or for a device',
    description:
      'Makes a key and a certificate for services whose access has mtls: access: [{ mtls: {} }]. The first one makes an authority for clients, which is another than that of sallyport ca. The key is written for you alone (0600) and kept nowhere else. Browsers and phones want both in one file: openssl pkcs12 -export makes it.',
    examples: ['sallyport clients certificate ana', 'sallyport clients certificate laptop --days 90 --role editor --pem ~/certificates'],
  })
    .option('--days <days>', `how many days it stands, ${clientDaysMax} at most`, '365')
    .option('--role <role>', 'a role that its holder has; may be said again', gathered)
    .option('--pem <folder>', 'where NAME.crt and NAME.key are written', '.')
    .action((name: string, options: MakeOptions) =>
      withRegister(cli, async (register) => {
        const roles = (options.role ?? []).flatMap((each) => each.split(','));
        const days = /^[0-9]{1,5}$/.test(options.days) ? Number(options.days) : 0;
        const made = await makeClientCertificate(await cli.home(), register, { name, days, roles }, cli.terminal.now());
        try {
          const files = await written(resolve(options.pem), made);
          cli.reporter().say({ ...eventOf(made.own, 'added'), files });
        } catch (error) {
          // What nobody has the key of is nobody's.
          await register.revoke(made.own.fingerprint);
          throw error;
        }
      }),
    );
}

export function certificatesOfClientsCommand(cli: Cli) {
  return newGroup(
    {
      usage: 'certificates',
      summary: 'client certificates that were made here',
      examples: ['sallyport clients certificates list', 'sallyport clients certificates revoke ana'],
    },
    [list(cli), revoke(cli)],
  );
}

function list(cli: Cli) {
  return newCommand({
    usage: 'list',
    summary: 'all that have not ended, the revoked ones too',
    examples: ['sallyport clients certificates list'],
  }).action(() =>
    withRegister(cli, async (register) => {
      const reporter = cli.reporter();
      const all = register.all();
      if (all.length === 0) reporter.note('There is no client certificate.');
      for (const each of all) reporter.say(eventOf(each, null));
    }),
  );
}

function revoke(cli: Cli) {
  return newCommand({
    usage: 'revoke <name>',
    summary: 'end all certificates of a name, or the one of a fingerprint, and what runs by them',
    examples: ['sallyport clients certificates revoke ana', 'sallyport clients certificates revoke ana --fingerprint 3f9a0c11d2…'],
  })
    .option('--fingerprint <hex>', 'only this one of them: its SHA-256, or at least 16 digits of its beginning')
    .action((name: string, { fingerprint }: Readonly<{ fingerprint?: string }>) =>
      withRegister(cli, async (register) => {
        const wanted = name.toLowerCase();
        const begin = beginning(fingerprint);
        const found = register
          .all()
          .filter((each) => each.revokedAt === null && each.name === wanted && each.fingerprint.startsWith(begin));
        if (found.length === 0)
          throw new SallyportError(
            'certificate-missing',
            `There is no client certificate of ${JSON.stringify(name.slice(0, 64))} that stands.`,
            {
              hint: 'See what there is: sallyport clients certificates list',
            },
          );
        for (const each of found) {
          for (const ended of await register.revoke(each.fingerprint)) cli.reporter().say(eventOf(ended, 'revoked'));
        }
      }),
    );
}

function beginning(fingerprint: string | undefined): string {
  const text = (fingerprint ?? '').replaceAll(/[:…]/g, '').toLowerCase();
  if (fingerprint === undefined || /^[0-9a-f]{16,64}$/.test(text)) return text;
  throw new SallyportError('usage-wrong', '--fingerprint takes 16 to 64 hex digits.', {
    hint: 'They stand in: sallyport clients certificates list --json',
  });
}

async function withRegister<Result>(cli: Cli, work: (register: ClientRegister) => Promise<Result>): Promise<Result> {
  const home = await cli.home();
  const { now } = cli.terminal;
  const store = await openSqliteStore({ path: home.store, now });
  try {
    const register = await openClientRegister({ records: store.records, now, limits: defaults });
    try {
      return await work(register);
    } finally {
      register.close();
    }
  } finally {
    await store.close();
  }
}

/** Over nothing: a key that is lost cannot be had again. */
async function written(folder: string, { own, cert, key }: MadeCertificate): Promise<{ certificate: string; key: string }> {
  const paths = { certificate: join(folder, `${own.name}.crt`), key: join(folder, `${own.name}.key`) };
  await create(paths.key, key, 0o600);
  try {
    await create(paths.certificate, cert, 0o644);
  } catch (error) {
    await unlink(paths.key);
    throw error;
  }
  return paths;
}

async function create(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text.endsWith('\n') ? text : `${text}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST')
      throw new SallyportError('usage-wrong', `${path} is there already.`, {
        cause: error,
        hint: 'Move it away, or name another folder: --pem FOLDER',
      });
    if (systemCode(error) === 'ENOENT')
      throw new SallyportError('file-missing', `There is no folder for ${path}.`, {
        cause: error,
        hint: 'Make it first, or name another: --pem FOLDER',
      });
    throw fileFault(error, 'writing', path);
  }
}

function eventOf(own: OwnCertificate, change: ClientCertificateEvent['change']): ClientCertificateEvent {
  const { name, fingerprint, roles, createdAt, expires, revokedAt } = own;
  return {
    event: 'client-certificate',
    name,
    fingerprint,
    roles,
    made: new Date(createdAt).toISOString(),
    expires: new Date(expires).toISOString(),
    revoked: revokedAt === null ? null : new Date(revokedAt).toISOString(),
    files: null,
    change,
  };
}
