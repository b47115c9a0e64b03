/** One kite of PageKite as a service of ours, or the reason why it is left out. */

import { isIPv4 } from 'node:net';
import { hostPort } from '../../core/address.ts';
import { readHostName, readPort } from '../config/forms.ts';
import { reasonForSetting } from './pagekite-reasons.ts';
import type { Option } from './pagekite-lines.ts';

/** A kite as a line says it; several where the line names several protocols. */
export type Kite = Readonly<{ said: Option; proto: string; port: string; name: string; host: string; at: string; off: boolean }>;

/** `lines` stand below the service's name. Null: left out, and told why. */
export type ImportedKite = Readonly<{
  name: string;
  values: readonly (readonly [key: string, value: unknown])[] | null;
  users: readonly string[];
  unlike: readonly string[];
}>;

/** What is said of the same name elsewhere in the file. */
export type Beside = Readonly<{ settings: readonly Option[]; paths: readonly Option[]; insecure: boolean; nameTaken: boolean }>;

const usualPorts: Readonly<Record<string, string>> = { https: '443', ssh: '22', raw: '22', irc: '6667', xmpp: '5222', minecraft: '25565' };
/** What is HTTP for us: the names with numbers are further places to ask, not versions. */
const webProtos: ReadonlySet<string> = new Set(['http', 'websocket']);

/** `http,raw/22:NAME:HOST:PORT:SECRET`, in the short forms that PageKite takes as well. The secret is not read. */
export function kitesOf(said: Option): readonly Kite[] | null {
  const parts = said.value.split(':');
  const [one = '', two = '', three = '', four = ''] = parts;
  if (parts.length > 5 || one === '') return null;
  const [protos, name, host, at] =
    parts.length >= 4
      ? [one, two, three, four]
      : parts.length === 3
        ? [one, two, '', three]
        : parts.length === 2
          ? shortOf(one, two)
          : ['http', one, '', ''];
  const off = said.key === 'service_off';
  return protos
    .toLowerCase()
    .split(',')
    .map((each) => {
      const [proto = '', port = ''] = each.replace('/', '-').split('-');
      const meant = proto === 'ssh' ? { proto: 'raw', port: '22' } : { proto, port };
      return { said, ...meant, name: name.replaceAll('/', '').toLowerCase(), host: host === '' ? 'localhost' : host, at, off };
    });
}

function shortOf(one: string, two: string): readonly [string, string, string, string] {
  return two === 'builtin' || /^\d+$/.test(two) || (one.includes('.') && two.includes('/')) ? ['http', one, '', two] : [one, two, '', ''];
}

type Draft = { unlike: string[]; values: [string, unknown][]; users: string[] };

/** The name of a service is made of its first label; `taken` are names that are there already. */
export function importKite(kite: Kite, beside: Beside, name: string): ImportedKite {
  const draft: Draft = { unlike: [], values: [], users: [] };
  const why = fill(kite, beside, draft);
  if (why !== null) draft.unlike.push(`${told(kite.said)} — ${kite.proto}: left out: ${why}`);
  return { name, values: why === null ? draft.values : null, users: why === null ? draft.users : [], unlike: draft.unlike };
}

/** Why it cannot be said; null when it was. */
function fill(kite: Kite, beside: Beside, draft: Draft): string | null {
  const { proto, name, port } = kite;
  if (kite.off) return 'it was switched off';
  if (name === 'unknown') return 'nothing takes what has no name';
  if (name.includes('*')) return 'names are exact here: a service names each of its own (at:)';
  const host = readHostName(name);
  if (host === null) return 'this is no name';
  const isWeb = webProtos.has(proto);
  if (isWeb && port !== '' && port !== '80' && port !== '443')
    draft.unlike.push(`${told(kite.said)} — visitors come to the relay’s own port, not to ${port}`);
  const target = isWeb ? webTarget(kite, beside, draft) : rawTarget(kite, draft);
  if (typeof target === 'string') return target;
  const access = accessOf(kite, beside, draft);
  if (typeof access === 'string') return access;
  if (beside.nameTaken)
    draft.unlike.push(`${told(kite.said)} — a name leads to one service here: this one has its own, which an invitation grants`);
  else draft.values.push(['at', host]);
  draft.values.push(...target, ['access', access]);
  if (isWeb && insecureOf(beside)) draft.values.push(['firewall', 'off']);
  changesOf(beside.settings, isWeb, draft);
  return null;
}

function webTarget({ said, host, at }: Kite, { settings, paths }: Beside, draft: Draft): [string, unknown][] | string {
  if (at === 'builtin') {
    const [root, ...others] = paths.filter(({ value }) => /^[^:]*:(?:\/)?:/.test(value));
    const [, , policy = '', folder = ''] = root === undefined ? [] : partsOf(root.value);
    for (const each of paths)
      if (each !== root)
        draft.unlike.push(`${told(each)} — only one folder is a service, from its root: make others services below a path (at:)`);
    if (root === undefined || folder === '' || others.length > 0) return 'PageKite’s own server has no one folder for this name';
    if (policy !== '' && policy !== 'default' && policy !== 'public') return 'the folder was not for everybody, in a way that is not there';
    const listed = settings.find((each) => settingOf(each).key === 'indexes');
    if (listed !== undefined && settingOf(listed).value === 'all')
      draft.unlike.push(`${told(listed)} — hidden files are never listed or served`);
    return [['dir', folder], ...(listed !== undefined && isTrue(settingOf(listed).value) ? [['indexes', true] as [string, unknown]] : [])];
  }
  const port = readPort(at === '' ? '80' : at);
  const behind = readHostName(host);
  if (port === null || behind === null) return `${said.key} names no server`;
  return [['to', `http://${hostPort(behind.replace(/^\[(.*)\]$/, '$1'), port)}`]];
}

function rawTarget({ said, proto, port, host, at }: Kite, draft: Draft): [string, unknown][] | string {
  const behind = readHostName(host);
  const own = readPort(at === '' ? (usualPorts[proto] ?? '') : at);
  if (proto !== 'https' && usualPorts[proto] === undefined) return `${proto} is not known here`;
  if (behind === null || own === null) return `${said.key} names no server`;
  const place = hostPort(behind.replace(/^\[(.*)\]$/, '$1'), own);
  if (proto === 'https') return [['to', `tls://${place}`]];
  draft.unlike.push(
    proto === 'raw'
      ? `${told(said)} — CONNECT at the relay is not spoken: visitors come by \`sallyport connect\`, or by a port of the relay (port: ${port === '' ? own : port})`
      : `${told(said)} — ${proto} is not recognised by its first bytes: visitors come by \`sallyport connect\`, or by a port of the relay (port: ${own})`,
  );
  return [['to', `tcp://${place}`]];
}

/** All who had to pass two checks pass two here. Who had to pass none at TCP has to bring the link. */
function accessOf({ proto, said }: Kite, { settings }: Beside, draft: Draft): unknown[] | string {
  const ips = settings.filter((each) => settingOf(each).key.startsWith('ip/'));
  const passwords = settings.filter((each) => settingOf(each).key.startsWith('password/'));
  const networks = ips.filter((each) => isTrue(settingOf(each).value)).map((each) => networkOf(settingOf(each).key.slice(3)));
  const known = networks.filter((each) => each !== null);
  for (const each of ips)
    if (!isTrue(settingOf(each).value)) draft.unlike.push(`${told(each)} — lets in nobody here; PageKite takes any value for a yes`);
  if (ips.length > 0 && known.length < networks.length)
    draft.unlike.push(`${told(said)} — of its addresses, those that PageKite would never match are left out`);
  if (ips.length > 0 && known.length === 0) return 'only addresses came in that cannot be said: write access: [{ ip: […] }]';
  const users = [...new Set(passwords.map((each) => settingOf(each).key.slice('password/'.length)))].filter((user) => user !== '');
  if (passwords.length > 0 && !webProtos.has(proto)) return 'PageKite let nobody in here, for a password can only be asked in HTTP';
  if (users.some((user) => !/^[a-z0-9][a-z0-9._-]{0,30}$/.test(user)))
    return 'a name of its users is none here: write access: [{ password: { users: […] } }]';
  draft.users.push(...users);
  const both = { ...(known.length === 0 ? {} : { ip: known }), ...(users.length === 0 ? {} : { password: { users } }) };
  if (Object.keys(both).length > 0) return [both];
  return [proto === 'https' || webProtos.has(proto) ? 'public' : { link: {} }];
}

/** PageKite looks for the address and for all but its last part. */
function networkOf(text: string): string | null {
  if (isIPv4(text)) return text;
  return isIPv4(`${text}.0`) ? `${text}.0/24` : null;
}

function insecureOf({ settings, insecure }: Beside): boolean {
  return insecure || settings.some((each) => settingOf(each).key === 'insecure' && isTrue(settingOf(each).value));
}

const elsewhere = /^(?:password\/|ip\/|insecure$|indexes$)/;

function changesOf(settings: readonly Option[], isWeb: boolean, { values, unlike }: Draft): void {
  for (const each of settings) {
    const { key, value } = settingOf(each);
    if (elsewhere.test(key)) continue;
    if (!isTrue(value)) continue;
    if (key === 'rewritehost' && isWeb) {
      const named = value === 'True' || value === '1' ? true : readHostName(value);
      if (named === null) unlike.push(`${told(each)} — this is no name`);
      else values.push(['rewritehost', named]);
    } else if (key === 'rawheaders' && isWeb) {
      values.push(['rawheaders', true]);
      unlike.push(`${told(each)} — what a visitor says of other proxies is removed all the same`);
    } else if (key === 'proxyproto') values.push(['proxy', value === '2' ? 'v2' : 'v1']);
    else unlike.push(`${told(each)} — ${reasonForSetting(key)}`);
  }
}

/** `HOST/PORT:KEY:VALUE`; what stands there of a kite whose port nobody named is 80. */
export function settingOf({ value }: Option): Readonly<{ of: string; key: string; value: string }> {
  const [of = '', key = '', ...rest] = value.split(':');
  return { of: of.toLowerCase(), key: key.replace(/^user\//, 'password/'), value: rest.join(':') };
}

function partsOf(value: string): readonly string[] {
  const [of = '', path = '', policy = '', ...rest] = value.split(':');
  return [of, path, policy, rest.join(':')];
}

const isTrue = (value: string): boolean => !/^(?:|false|none|no|0|off)$/i.test(value);

export const told = ({ line, shown }: Option): string => `line ${line}: ${shown}`;
