/** `sallyport connect`: the visitor's side of what has no TLS of its own, and of a proxy. */

import { isLoopbackHost } from '../../controlplane/config/presets.ts';
import { readDestination, type Destination } from '../../core/egress/destination.ts';
import { SallyportError } from '../../core/errors.ts';
import { parseAuthority } from '../../core/http/host.ts';
import { defaults } from '../../core/limits.ts';
import { visit, type LineOptions } from '../../dataplane/visit.ts';
import { tunnelTo, type ProxyVisitOptions } from '../../dataplane/proxy-visit.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { connectedPort, connectedProxy, overStdio } from '../connected.ts';
import { proxyCredential, readPem, wordOf, type ProxyCredentialWishes } from '../proxy-credential.ts';
import { localAddress, placeToVisit, type Visited } from '../visited.ts';
import { visitorCredential } from '../visitor-credential.ts';

type ConnectOptions = ProxyCredentialWishes &
  Readonly<{
    listen?: string;
    stdio?: boolean;
    ca?: string;
    proxy?: boolean;
    to?: string;
    certificateKey?: string;
    localUser?: string;
  }>;

export function connectCommand(cli: Cli) {
  return newCommand({
    usage: 'connect <name>',
    summary: 'reach a TCP service that somebody shares, or use their proxy',
    description:
      'Opens a port of this machine that leads to a TCP service shared with `sallyport tcp`, through TLS and with your credential. ' +
      'The link is asked for, or read from SALLYPORT_LINK; with --user a password is, or SALLYPORT_PASSWORD. With --stdio it is one ' +
      'connection over standard input and output, as ssh wants its ProxyCommand.\n\n' +
      'With --proxy the name is that of a proxy, and the port speaks HTTP and SOCKS 5 to the programs of this machine: TLS and your ' +
      'credential are added, also for datagrams (UDP ASSOCIATE) where the proxy takes them. With --to it leads to one place behind that proxy.',
    examples: [
      'sallyport connect db.example.org --listen 127.0.0.1:5432',
      'sallyport connect ssh.example.org --user ana',
      "ssh -o ProxyCommand='sallyport connect %h --stdio' ssh.example.org",
      'sallyport connect proxy.example.org --proxy --key ci',
      'sallyport connect proxy.example.org --to db.example.net:5432 --secret partner --listen 5432',
    ],
  })
    .option('--listen <address>', 'where programs of this machine connect to: 127.0.0.1:PORT, or a port')
    .option('--stdio', 'one connection over standard input and output')
    .option('--user <name>', 'show this user’s password instead of a link')
    .option('--stdin', 'read the link, password or key from standard input')
    .option('--no-credential', 'show nothing: for what is public or asks for an address')
    .option('--ca <file>', 'trust this certificate authority, and no other')
    .option('--proxy', 'the name is a proxy’s: listen on 127.0.0.1:3128 for HTTP and SOCKS 5')
    .option('--to <host:port>', 'lead to this place behind the proxy')
    .option('--key <name>', 'show the proxy this API key: asks for it, or reads SALLYPORT_KEY')
    .option('--secret <name>', 'show the proxy what `sallyport secrets add NAME --proxy` stored')
    .option('--certificate <file>', 'a client certificate with its chain, for the proxy’s TLS')
    .option('--certificate-key <file>', 'its key')
    .option('--local-user <name>', 'programs must show this name and a password: asks for it, or reads SALLYPORT_LOCAL_PASSWORD')
    .action((name: string, options: ConnectOptions) => {
      const visited = placeToVisit(name);
      checkTogether(options);
      return options.proxy === true || options.to !== undefined ? throughProxy(cli, visited, options) : toService(cli, visited, options);
    });
}

/** Errors: `usage-wrong`. */
function checkTogether(options: ConnectOptions): void {
  const { stdio, stdin, listen, proxy, to, key, secret, certificate, certificateKey, localUser } = options;
  if (stdio === true && (stdin === true || listen !== undefined))
    throw wrong('--stdio goes with neither --stdin nor --listen.', 'Hand the link in as SALLYPORT_LINK.');
  const ofProxies = [key, secret, certificate, localUser].some((each) => each !== undefined);
  if (ofProxies && proxy !== true && to === undefined)
    throw wrong('--key, --secret, --certificate and --local-user are for proxies.', 'Say --proxy, or --to HOST:PORT.');
  if (proxy === true && (to !== undefined || stdio === true))
    throw wrong('--proxy listens for programs, and goes with neither --to nor --stdio.', 'One of them.');
  if (localUser !== undefined && proxy !== true)
    throw wrong('--local-user goes with --proxy.', 'A port that leads to one place asks nobody.');
  if ((certificate === undefined) !== (certificateKey === undefined))
    throw wrong('--certificate and --certificate-key go together.', 'Name the files of both.');
}

function wrong(message: string, hint: string): SallyportError {
  return new SallyportError('usage-wrong', message, { hint });
}

async function toService(cli: Cli, visited: Visited, options: ConnectOptions): Promise<void> {
  const local = localAddress(options.listen ?? '127.0.0.1:0');
  const line = await lineTo(visited, options);
  const credential = await visitorCredential(cli.terminal, {
    host: visited.host,
    user: options.user ?? null,
    stdin: options.stdin === true,
    none: !options.credential,
  });
  const open = (signal: AbortSignal) => visit({ ...line, credential, signal });
  if (options.stdio === true) await overStdio(cli, open);
  else await connectedPort(cli, { name: visited, local, open });
}

async function throughProxy(cli: Cli, visited: Visited, options: ConnectOptions): Promise<void> {
  const to = options.to === undefined ? null : placeBehind(options.to);
  const local = localAddress(options.listen ?? (to === null ? '127.0.0.1:3128' : '127.0.0.1:0'));
  const line = await lineTo(visited, options);
  const shown = await proxyCredential(cli, options);
  const far: Omit<ProxyVisitOptions, 'signal'> = { ...line, session: { last: null }, shown, limits: defaults };
  if (to === null) return connectedProxy(cli, { name: visited, local, far, own: await ownCredential(cli, options) });
  const open = (signal: AbortSignal) => tunnelTo(to, { ...far, signal });
  return options.stdio === true ? overStdio(cli, open) : connectedPort(cli, { name: visited, local, open, to });
}

async function ownCredential(cli: Cli, { localUser }: ConnectOptions) {
  if (localUser === undefined) return null;
  const what = `The password that programs of this machine show as ${localUser}`;
  return { user: localUser, password: await wordOf(cli, { variable: 'SALLYPORT_LOCAL_PASSWORD', what, stdin: false }) };
}

/** Errors: `usage-wrong`. */
function placeBehind(text: string): Destination {
  const authority = parseAuthority(text);
  const read =
    authority?.port === null || authority === null ? null : readDestination('connect', 'CONNECT', authority.host, authority.port);
  if (read !== null && !('code' in read)) return read;
  throw new SallyportError('usage-wrong', `--to ${JSON.stringify(text.slice(0, 256))} is no place.`, {
    hint: 'Like --to db.example.net:5432',
  });
}

async function lineTo(visited: Visited, options: ConnectOptions): Promise<Omit<LineOptions, 'signal'>> {
  const { ca, certificate, certificateKey } = options;
  const theirs = 'The owner of the share finds it with: sallyport ca';
  const client =
    certificate === undefined || certificateKey === undefined
      ? null
      : {
          cert: await readPem(certificate, 'CERTIFICATE', 'Whoever runs the proxy gives it out.'),
          key: await readPem(certificateKey, 'PRIVATE KEY', 'It was made together with the certificate.'),
        };
  return {
    ...visited,
    dial: isLoopbackHost(visited.host) ? dialOf(visited) : null,
    ca: ca === undefined ? null : await readPem(ca, 'CERTIFICATE', theirs),
    client,
    timeoutMs: defaults.handshakeMs,
  };
}

/** `*.localhost` is here, whatever a resolver says (RFC 6761, 6.3). */
function dialOf({ host }: Visited): string | null {
  return host === 'localhost' || host.endsWith('.localhost') ? '127.0.0.1' : null;
}
