/** `sallyport proxy`: leads those who may where they may, by HTTP and SOCKS. */

import { isLoopbackHost } from '../../controlplane/config/presets.ts';
import { readListen, readServiceName } from '../../controlplane/config/forms.ts';
import { configOrThrow } from '../../controlplane/config/parse.ts';
import { SallyportError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { newCommand } from '../cli.ts';
import { parser } from '../configuration.ts';
import { withPeople } from '../people.ts';
import { runGateway } from '../run-gateway.ts';
import { ensureUser } from '../share.ts';
import { gathered } from '../share-options.ts';
import { checkedFor } from '../share-request.ts';

type ProxyOptions = Readonly<{
  listen: string;
  name: string;
  password?: readonly string[];
  key?: readonly string[];
  certificate?: readonly string[];
  allow?: readonly string[];
  deny?: readonly string[];
  resolver?: readonly string[];
  via?: string;
  udp?: boolean;
  socks: boolean;
  hide?: boolean;
  clear?: boolean;
  firewall?: string;
  for: string;
}>;

export function proxyCommand(cli: Cli) {
  return newCommand({
    usage: 'proxy',
    summary: 'lead others to the web, or to a few places, through this machine',
    description:
      'A forward proxy: HTTP (with CONNECT) and SOCKS 5 on one port, over TLS unless it listens on this machine alone. ' +
      'Only who shows a password, a key or a client certificate is led out, and only where the list says: without --allow to everything public at ports ' +
      '80 and 443. What is private is never reached unless its network is named.',
    examples: [
      'sallyport proxy --password ana',
      'sallyport proxy --listen 0.0.0.0:8443 --key ci --allow "*.example.org"',
      'sallyport proxy --password ana --allow git.example.org:22 --allow 10.2.0.0/16:443',
      'sallyport proxy --listen 0.0.0.0:8443 --certificate lab --firewall watch',
    ],
  })
    .option('--listen <host:port>', 'where it listens; beyond this machine over TLS', '127.0.0.1:3128')
    .option('--name <name>', 'what it is called', 'proxy')
    .option('--password <user>', 'let this user in with a password: asks for it, or reads SALLYPORT_PASSWORD', gathered)
    .option('--key <name>', 'let programs in that show this API key as the password: sallyport keys add NAME', gathered)
    .option('--certificate <name>', 'let in who shows this client certificate, over TLS: sallyport clients certificate NAME', gathered)
    .option('--allow <destination>', 'lead there, like *.example.org, git.example.org:22 or 10.2.0.0/16:443', gathered)
    .option('--deny <destination>', 'never lead there', gathered)
    .option('--resolver <address>', 'ask this name server', gathered)
    .option('--via <proxy>', 'go out by another proxy, like https://${secret:NAME}@proxy.example.org')
    .option('--udp', 'let clients send datagrams: those of sallyport connect inside of TLS, SOCKS clients past it')
    .option('--no-socks', 'speak HTTP only')
    .option('--hide', 'look like an ordinary web server to who shows no credentials; HTTP only')
    .option('--firewall <mode>', 'look at requests and answers of plain HTTP: on refuses, watch says it in the record')
    .option('--clear', 'take passwords over plain HTTP and SOCKS from beyond this machine: anybody on the way reads them')
    .option('--for <time>', 'how long it stays open: 30m, 2h, 7d, never', 'never')
    .action(async (options: ProxyOptions) => {
      const config = configOrThrow(
        parser.take({ services: { [checkedName(options.name)]: rawProxy(options) } }, '/the command line'),
        'the command line',
      );
      await withPeople(cli, async (people) => {
        for (const user of new Set(options.password)) await ensureUser(cli, people, user, null);
      });
      await runGateway(cli, {
        config,
        embeddedRelay: null,
        memberships: [],
        keepSwitches: false,
        fresh: () => ({ link: null, webhook: null }),
        endsWithServices: true,
        reload: null,
        watch: null,
        source: 'the command',
      });
    });
}

/** The service as `sallyport.yaml` would say it. */
function rawProxy(options: ProxyOptions): object {
  const {
    password = [],
    key = [],
    certificate = [],
    firewall,
    allow,
    deny = [],
    resolver,
    via,
    udp = false,
    socks,
    hide = false,
    clear = false,
  } = options;
  if (password.length + key.length + certificate.length === 0) {
    throw new SallyportError('usage-wrong', 'A proxy asks who somebody is, and nobody was named.', {
      hint: 'Say --password ana, or --key ci after sallyport keys add ci, or --certificate lab after sallyport clients certificate lab.',
    });
  }
  const access = [
    ...(password.length === 0 ? [] : [{ password: { users: password } }]),
    ...(key.length === 0 ? [] : [{ key: { keys: key } }]),
    ...(certificate.length === 0 ? [] : [{ mtls: { names: certificate } }]),
  ];
  return {
    proxy: {
      http: true,
      socks5: socks && !hide,
      udp,
      hide,
      listen: listenUrl(options.listen, clear, certificate.length > 0),
      clear: clear ? 'allow' : 'refuse',
    },
    destinations: {
      ...(allow === undefined ? {} : { allow }),
      deny: ['private', ...deny],
      ...(resolver === undefined ? {} : { resolver }),
      ...(via === undefined ? {} : { via }),
    },
    access,
    ...(firewall === undefined ? {} : { firewall }),
    for: checkedFor(options.for) ?? 'never',
  };
}

/**
 * `127.0.0.1:3128` is plain, everything beyond this machine is TLS; who writes a URL has chosen. Errors: `usage-wrong`.
 * @param shown whether clients show certificates, which they can in TLS alone
 */
function listenUrl(text: string, clear: boolean, shown: boolean): string {
  const whole = text.includes('://') ? text : `https://${text}`;
  const listen = readListen(whole);
  if (listen === null || !/:\d+$/.test(text)) {
    throw new SallyportError('usage-wrong', `--listen ${JSON.stringify(text)} is no address to listen on.`, {
      hint: 'Like --listen 127.0.0.1:3128',
    });
  }
  return text === whole || !(clear || (isLoopbackHost(listen.host) && !shown)) ? whole : `http://${text}`;
}

function checkedName(text: string): string {
  const name = readServiceName(text);
  if (name !== null) return name;
  throw new SallyportError('name-malformed', `${JSON.stringify(text)} cannot be the name of a proxy.`, {
    hint: 'Use small letters, digits and hyphens, 63 at most: --name partners',
  });
}
