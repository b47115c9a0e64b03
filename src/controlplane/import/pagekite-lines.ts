/** A configuration of PageKite (`~/.pagekite.rc`, `/etc/pagekite.d/*.rc`) as its options, with what may be shown of each. */

import { SallyportError } from '../../core/errors.ts';

export type Option = Readonly<{
  line: number;
  key: string;
  value: string;
  /** The line without what is secret in it: for a comment. */
  shown: string;
}>;

/** A file of PageKite has a few dozen. */
const optionsMax = 1_000;

/** PageKite's own short words for some, and its older names. */
const meant: Readonly<Record<string, string>> = {
  backend: 'service_on',
  define_backend: 'service_off',
  be_config: 'service_cfg',
  o: 'optfile',
  O: 'optdir',
  S: 'savefile',
  H: 'httpd',
  X: 'httppass',
  P: 'pemfile',
  L: 'logfile',
  Z: 'daemonize',
  I: 'pidfile',
  f: 'isfrontend',
  A: 'authdomain',
  R: 'register',
  h: 'host',
  p: 'ports',
  a: 'all',
  D: 'dyndns',
  U: 'runas',
  N: 'new',
  E: 'errorurl',
};

/** Whose values are shown: they name places and switches. What is not here may hold a secret. */
const plain: ReadonlySet<string> = new Set([
  'ports',
  'protos',
  'rawports',
  'portalias',
  'host',
  'frontend',
  'frontends',
  'nofrontend',
  'logfile',
  'loglevel',
  'pidfile',
  'savefile',
  'optfile',
  'optdir',
  'runas',
  'ca_certs',
  'fe_certname',
  'pemfile',
  'tls_endpoint',
  'tls_default',
  'httpd',
  'webpath',
  'keepalive',
  'buffers',
  'watchdog',
  'kitename',
  'client_acl',
  'tunnel_acl',
  'accept_acl_file',
  'ratelimit_ips',
]);

/** As PageKite reads it: a line an option, with or without `--`, blanks around `=` and `:` taken out, until a line that begins with END. */
export function readPageKiteFile(text: string, named: string): readonly Option[] {
  const options: Option[] = [];
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const written = raw.trim();
    if (written === '' || written.startsWith('#')) continue;
    if (written.startsWith('END')) break;
    const [, name = '', value = ''] = /^-{0,2}([\w-]+)(?:\s*=\s*|\s+|$)(.*)$/s.exec(written) ?? [];
    // Nothing of the line is repeated: it may be half of a secret.
    if (name === '')
      throw unread(
        named,
        index + 1,
        'found no option here',
        'Does PageKite itself take it? If it does, leave out the line, and please report it.',
      );
    const key = meant[name] ?? name.toLowerCase();
    const close = value
      .split(':')
      .map((part) => part.trim())
      .join(':');
    options.push({ line: index + 1, key, value: close, shown: shownOf(key, close) });
    if (options.length > optionsMax) throw unread(named, index + 1, `found more than ${optionsMax} options`, 'Import it in parts.');
  }
  return withKiteName(options);
}

export function unread(named: string, line: number, sentence: string, hint: string): SallyportError {
  return new SallyportError('config-malformed', `${named}, line ${line}: ${sentence}.`, { hint });
}

function shownOf(key: string, value: string): string {
  if (value === '') return key;
  const parts = value.split(':');
  // The fifth part of a service is its secret, and so is the third of a domain.
  if (key === 'service_on' || key === 'service_off') return `${key}=${parts.slice(0, 4).join(':')}${parts.length > 4 ? ':…' : ''}`;
  if (key === 'domain') return `${key}=${parts.slice(0, 2).join(':')}${parts.length > 2 ? ':…' : ''}`;
  if (key === 'service_cfg') {
    const [host = '', setting = ''] = parts;
    return `${key}=${host}:${setting}${/^(?:password|user|photobackup|console)\b/.test(setting) ? ':…' : `:${parts.slice(2).join(':')}`}`;
  }
  return `${key}=${plain.has(key) ? value : '…'}`;
}

/** `@kitename` stands for the name that was said before; the secret is nobody's business here. */
function withKiteName(options: readonly Option[]): readonly Option[] {
  let name = '';
  return options.map((each) => {
    if (each.key === 'kitename') name = each.value;
    if (name === '' || !each.value.includes('@kitename')) return each;
    const value = each.value.replaceAll('@kitename', name);
    return { ...each, value, shown: shownOf(each.key, value) };
  });
}
