/** `sallyport clients add`, `list`, `show`, `set`, `suspend`, `resume`, `rotate` and `remove`. */

import type { Client } from '../../contracts/clients.ts';
import { openClients, noLimits, type ClientTable } from '../../controlplane/clients/table.ts';
import { parseDuration } from '../../controlplane/config/duration.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { instant, type CliEvent } from '../event.ts';
import { withPeople, type People } from '../people.ts';
import { gathered } from '../share-options.ts';
import { checkedFor, checkedNetworks } from '../share-request.ts';
import { limitsOf, withLimits, type LimitOptions } from './clients-limits.ts';
import { memberOf, membersOf, revokeCertificates, withMembers, type MemberOptions } from './clients-members.ts';

type ClientEvent = Extract<CliEvent, { event: 'client' }>;
type Desk = People & Readonly<{ clients: ClientTable }>;

type AddOptions = LimitOptions &
  MemberOptions &
  Readonly<{
    contact?: string;
    for: string;
    role?: readonly string[];
    allow?: readonly string[];
  }>;

type SetOptions = LimitOptions & MemberOptions & Readonly<{ contact?: string; without?: readonly string[] }>;

export function addClient(cli: Cli) {
  const command = newCommand({
    usage: 'add <name>',
    summary: 'make a client with a key; the key is shown once',
    description:
      'Makes a client of a proxy, and an API key of the same name, which is shown once: it is the password, with the name as user. With --key, --user or a certificate somebody who exists becomes this client instead.',
    examples: [
      'sallyport clients add partner --contact ops@partner.example --per-month 500GB --tunnels 50',
      'sallyport clients add farm --role tests --allow 192.0.2.0/24 --bandwidth 5MB --for 1w',
      'sallyport clients add lab --certificate lab.crt --tunnels 20',
    ],
  })
    .option('--contact <words>', 'whom to write to')
    .option('--for <time>', 'how long its new key opens: 30d, 1w, never', 'never')
    .option('--role <role>', 'a role of its new key; may be said again', gathered)
    .option('--allow <network>', 'its new key opens only from this address or network', gathered);
  return withLimits(withMembers(command)).action((name: string, options: AddOptions) =>
    withClients(cli, async (desk) => {
      const members = await membersOf(options, desk);
      if (members.length > 0) withoutNewKey(options);
      const wanted = { name, contact: options.contact ?? '', limits: { ...noLimits, ...limitsOf(options) } };
      const secret = members.length > 0 ? null : await newKey(cli, desk, name, options);
      try {
        const client = await desk.clients.add({ ...wanted, members: secret === null ? members : [`key:${name.toLowerCase()}`] });
        cli.reporter().say(eventOf(client, desk, 'added', secret));
      } catch (error) {
        // A key without its client would open what no limit of the client holds.
        if (secret !== null) await desk.keys.revoke(name);
        throw error;
      }
    }),
  );
}

export function listClients(cli: Cli) {
  return newCommand({ usage: 'list', summary: 'all clients', examples: ['sallyport clients list'] }).action(() =>
    withClients(cli, async (desk) => {
      const reporter = cli.reporter();
      const all = desk.clients.list();
      if (all.length === 0) reporter.note('There is no client.');
      for (const client of all) reporter.say(eventOf(client, desk, null));
    }),
  );
}

export function showClient(cli: Cli) {
  return newCommand({ usage: 'show <name>', summary: 'one client with its limits', examples: ['sallyport clients show partner'] }).action(
    (name: string) => withClients(cli, async (desk) => cli.reporter().say(eventOf(existing(desk, name), desk, 'shown'))),
  );
}

export function changeClient(cli: Cli) {
  const command = newCommand({
    usage: 'set <name>',
    summary: 'change limits or contact of a client, and who it is',
    description:
      'Changes what is said and leaves the rest; none takes a limit away. Running tunnels keep the limits that they began with. Keys, users and certificates come to those that it has; --without takes one away, and ends what runs by it.',
    examples: [
      'sallyport clients set partner --per-month 1TB',
      'sallyport clients set partner --tunnels none',
      'sallyport clients set lab --certificate new.crt --without fingerprint:9f86d081884c7d65…',
    ],
  })
    .option('--contact <words>', 'whom to write to')
    .option('--without <member>', 'one of those that clients show names, like key:ci', gathered);
  return withLimits(withMembers(command)).action((name: string, options: SetOptions) =>
    withClients(cli, async (desk) => {
      const contact = options.contact === undefined ? {} : { contact: options.contact };
      const client = existing(desk, name);
      const members = await membersOf(options, desk);
      const without = (options.without ?? []).map((each) => memberOf(client, each));
      const changed = await desk.clients.change(name, { ...contact, limits: limitsOf(options), members, without });
      cli.reporter().say(eventOf(changed, desk, 'changed'));
    }),
  );
}

export function suspendClient(cli: Cli) {
  return newCommand({
    usage: 'suspend <name>',
    summary: 'refuse a client, and end what it runs, at once',
    examples: ['sallyport clients suspend partner', 'sallyport clients suspend partner --why "invoice 17"'],
  })
    .option('--why <words>', 'the reason, which the client is told')
    .action((name: string, { why }: Readonly<{ why?: string }>) =>
      withClients(cli, async (desk) => {
        cli.reporter().say(eventOf(await desk.clients.suspend(name, why ?? null), desk, 'suspended'));
      }),
    );
}

export function resumeClient(cli: Cli) {
  return newCommand({
    usage: 'resume <name>',
    summary: 'let a suspended client in again',
    examples: ['sallyport clients resume partner'],
  }).action((name: string) =>
    withClients(cli, async (desk) => cli.reporter().say(eventOf(await desk.clients.resume(name), desk, 'resumed'))),
  );
}

export function rotateClient(cli: Cli) {
  return newCommand({
    usage: 'rotate <name>',
    summary: 'give the key of a client a new text; the old one is good for a while',
    examples: [
      'sallyport clients rotate partner',
      'sallyport clients rotate partner --overlap 1h',
      'sallyport clients rotate partner --now',
    ],
  })
    .option('--overlap <time>', 'how long the old text opens as well', '24h')
    .option('--now', 'the old text opens nothing from now on')
    .option('--key <key>', 'which of its keys, where it has several')
    .action((name: string, options: Readonly<{ overlap: string; now?: boolean; key?: string }>) =>
      withClients(cli, async (desk) => {
        const client = existing(desk, name);
        const key = keyOf(client, options.key);
        const { secret } = await desk.keys.rotate(key, options.now === true ? 0 : overlapMs(options.overlap));
        cli.reporter().say(eventOf(client, desk, 'rotated', secret));
      }),
    );
}

export function removeClient(cli: Cli) {
  return newCommand({
    usage: 'remove <name>',
    summary: 'end a client, its keys, the certificates that were made for it here, and what it runs; users stay',
    examples: ['sallyport clients remove partner'],
  }).action((name: string) =>
    withClients(cli, async (desk) => {
      const client = existing(desk, name);
      // The keys go first: between both it would be somebody without limits.
      for (const key of keysOf(client)) await desk.keys.revoke(key);
      const staying = await revokeCertificates(client, { records: desk.store.records, now: cli.terminal.now });
      await desk.clients.remove(client.name);
      const reporter = cli.reporter();
      reporter.say(eventOf(client, desk, 'removed'));
      if (staying.length > 0)
        reporter.note(
          `${staying.join(', ')}: not revoked. It opens what asks for it, without limits of a client, until its authority revokes it, or names and pins leave it out.`,
        );
    }),
  );
}

/** Runs `work` over the home's people and clients. Errors: those of the home and the store, and of `work`. */
export function withClients<Result>(cli: Cli, work: (desk: Desk) => Promise<Result>): Promise<Result> {
  return withPeople(cli, async (people) => {
    const clients = await openClients({ records: people.store.records, now: cli.terminal.now, limits: defaults });
    try {
      return await work({ ...people, clients });
    } finally {
      clients.close();
    }
  });
}

/** Errors: `client-missing`. */
export function existing({ clients }: Pick<Desk, 'clients'>, name: string): Client {
  const client = clients.byName(name.toLowerCase());
  if (client !== null) return client;
  throw new SallyportError('client-missing', `There is no client ${JSON.stringify(name.slice(0, 64))}.`, {
    hint: 'See who there is: sallyport clients list',
  });
}

/** Who exists has roles, networks and an end already. Errors: `usage-wrong`. */
function withoutNewKey({ role, allow, for: span }: AddOptions): void {
  const said = role !== undefined ? '--role' : allow !== undefined ? '--allow' : span === 'never' ? null : '--for';
  if (said === null) return;
  throw new SallyportError('usage-wrong', `${said} is of a new key, and none is made here.`, {
    hint: 'Keys, users and certificates have roles and an end of their own: see sallyport keys, users and clients certificate.',
  });
}

async function newKey(cli: Cli, { clients, keys }: Desk, name: string, options: AddOptions): Promise<string> {
  if (clients.byName(name.toLowerCase()) !== null) {
    throw new SallyportError('client-taken', `There is a client ${name.toLowerCase()} already.`, {
      hint: `Change it with: sallyport clients set ${name.toLowerCase()}`,
    });
  }
  const span = checkedFor(options.for);
  const ms = span === null ? null : parseDuration(span);
  const { secret } = await keys.create({
    name,
    roles: (options.role ?? []).flatMap((each) => each.split(',')),
    expires: typeof ms === 'number' ? cli.terminal.now() + ms : null,
    allow: checkedNetworks(options.allow ?? []),
  });
  return secret;
}

function keysOf({ members }: Client): readonly string[] {
  return members.filter((each) => each.startsWith('key:')).map((each) => each.slice('key:'.length));
}

function keyOf(client: Client, wanted: string | undefined): string {
  const all = keysOf(client);
  const [first] = all;
  const key = wanted === undefined ? (all.length === 1 ? first : undefined) : all.find((each) => each === wanted.toLowerCase());
  if (key !== undefined) return key;
  const hint =
    all.length === 0
      ? 'Its users change their passwords with: sallyport users passwd. A new certificate takes the place of an old one with: sallyport clients set NAME --certificate FILE --without MEMBER'
      : `Say which: --key ${all.join(' or --key ')}`;
  throw new SallyportError('key-missing', `${client.name} has ${all.length === 0 ? 'no key' : 'several keys, or none of that name'}.`, {
    hint,
  });
}

function overlapMs(text: string): number {
  const ms = parseDuration(text);
  if (typeof ms === 'number') return ms;
  throw new SallyportError('usage-wrong', `--overlap ${JSON.stringify(text)} is no time.`, {
    hint: 'Write it like --overlap 24h, or --now.',
  });
}

function eventOf(client: Client, { keys }: Desk, change: ClientEvent['change'], secret: string | null = null): ClientEvent {
  const own = keys.list().filter(({ name }) => client.members.includes(`key:${name}`));
  return {
    event: 'client',
    name: client.name,
    contact: client.contact,
    state: client.state,
    why: client.why,
    members: client.members,
    key: secret,
    roles: [...new Set(own.flatMap(({ roles }) => roles))],
    allow: [...new Set(own.flatMap(({ networks }) => networks.map(({ text }) => text)))],
    limits: client.limits,
    accepted: client.accepted === null ? null : { ...client.accepted, at: new Date(client.accepted.at).toISOString() },
    since: instant(client.createdAt) ?? '',
    change,
  };
}
