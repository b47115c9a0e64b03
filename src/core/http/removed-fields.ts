/** Which fields are never sent on: this connection's own, what only we may say, and what would speak in our name. */

/** RFC 9110, 7.6.1 and its forerunners: meant for one connection. Framing and Host are written anew. */
const hopByHop = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'trailers', 'transfer-encoding', 'content-length', 'upgrade'],
  ...['http2-settings', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'proxy-features', 'proxy-instruction'],
];

/**
 * What services believe of a proxy in front of them: who asks, from where, for what. A visitor's own is a lie at best.
 * Names of addresses, of hosts and schemes, of paths and methods in place of the real ones, of users and certificates.
 */
const claims = [
  ...['forwarded', 'forwarded-for', 'via', 'x-real-ip', 'real-ip', 'x-client-ip', 'client-ip', 'true-client-ip', 'x-true-client-ip'],
  ...['x-cluster-client-ip', 'x-originating-ip', 'x-remote-ip', 'x-remote-addr', 'remote-addr', 'x-remote-host', 'x-proxyuser-ip'],
  ...[
    'cf-connecting-ip',
    'cf-connecting-ipv6',
    'cf-pseudo-ipv4',
    'cf-ipcountry',
    'fastly-client-ip',
    'x-azure-clientip',
    'x-appengine-user-ip',
  ],
  ...['x-host', 'x-http-host-override', 'x-original-host', 'x-original-proto', 'x-scheme', 'x-url-scheme', 'front-end-https'],
  ...['x-original-url', 'x-rewrite-url', 'x-original-uri', 'x-override-url', 'x-original-path', 'x-original-method'],
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'proxy', 'early-data'],
  ...[
    'remote-user',
    'x-remote-user',
    'remote-groups',
    'x-remote-group',
    'x-remote-groups',
    'remote-email',
    'remote-name',
    'x-remote-email',
  ],
  ...['x-auth-user', 'x-auth-username', 'x-authenticated-user', 'x-webauth-user', 'x-webauth-role', 'x-proxy-user'],
  ...[
    'client-cert',
    'client-cert-chain',
    'x-client-cert',
    'x-client-certificate',
    'x-client-verify',
    'x-client-dn',
    'x-arr-clientcert',
    'x-arr-ssl',
  ],
  ...['x-client-ssl', 'x-ssl-cert'],
];
const claimPrefixes = [
  ...['x-forwarded', 'x-original-forwarded', 'x-auth-request-', 'x-authentik-', 'x-pomerium-', 'cf-access-', 'x-ms-client-principal'],
  ...[
    'tailscale-',
    'x-goog-authenticated-user',
    'x-goog-iap-',
    'x-amzn-oidc-',
    'x-ssl-client-',
    'ssl-client-',
    'sallyport-',
    'x-sallyport-',
  ],
];

/** A service says nothing of these to a visitor: our own names, and where else this name could be reached around us. */
const ours = ['proxy-status', 'alt-svc', 'alt-used'];
const ourPrefixes = ['sallyport-', 'x-sallyport-'];

/**
 * Connection may name the fields of one connection only. Naming one of these is an attack (Traefik CVE-2024-45410):
 * it takes away what the next one relies on. They are for everybody on the way (RFC 9110, 7.6.1), so the option is ignored.
 */
const endToEnd = [
  ...[
    'host',
    'authorization',
    'cookie',
    'set-cookie',
    'origin',
    'referer',
    'user-agent',
    'date',
    'expect',
    'range',
    'if-range',
    'location',
  ],
  ...[
    'cache-control',
    'pragma',
    'vary',
    'expires',
    'etag',
    'last-modified',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
  ],
  ...[
    'www-authenticate',
    'authentication-info',
    'server',
    'allow',
    'retry-after',
    'refresh',
    'link',
    'x-frame-options',
    'x-content-type-options',
  ],
  ...[
    'strict-transport-security',
    'referrer-policy',
    'permissions-policy',
    'x-api-key',
    'x-csrf-token',
    'x-xsrf-token',
    'x-requested-with',
    'x-request-id',
  ],
];
const endToEndPrefixes = ['accept', 'content-', 'sec-', 'access-control-', 'cross-origin-', 'x-auth'];

/** RFC 9110, 6.5.1: fields that frame, route, authenticate, condition or describe content mean nothing after it. */
const neverTrailers = ['host', 'expect', 'max-forwards', 'age', 'warning', ...endToEnd.filter((name) => name !== 'etag')];

/** Underscores and everything else that CGI-like servers turn into one sign count as the hyphen: X_Forwarded_For is X-Forwarded-For. */
function folded(lower: string): string {
  return lower.replaceAll(/[^a-z0-9]/g, '-');
}

/** How many answers are kept, for names of what length: 64 KiB a question. A stranger's odd names push others out for a moment, no more. */
const answersMax = 1024;
const keptCharactersMax = 64;

/** A question about names, answered once for each name that keeps coming. */
function remembered(ask: (name: string) => boolean): (lower: string) => boolean {
  const answers = new Map<string, boolean>();
  return (lower) => {
    const known = answers.get(lower);
    if (known !== undefined) return known;
    const answer = ask(folded(lower));
    if (lower.length > keptCharactersMax) return answer;
    if (answers.size === answersMax) answers.clear();
    answers.set(lower, answer);
    return answer;
  };
}

function among(names: readonly string[], prefixes: readonly string[]): (name: string) => boolean {
  const set = new Set(names);
  return (name) => set.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}

const isHop = among(hopByHop, []);
const isClaim = among(claims, claimPrefixes);
const isOurs = among(ours, ourPrefixes);
const isEndToEnd = among(endToEnd, endToEndPrefixes);
const isNeverTrailer = among(neverTrailers, ['content-', 'if-', 'access-control-', 'sec-']);

/** Whether a visitor's field of that name is kept from the service. Names are handed in in lower case. */
export const isRemovedFromRequest = remembered((name) => name === 'host' || name === 'expect' || isHop(name) || isClaim(name));

/** Whether a service's field of that name is kept from the visitor. */
export const isRemovedFromResponse = remembered((name) => isHop(name) || isOurs(name));

/** Whether a Connection option of that name removes nothing. */
export const isProtected = remembered((name) => isEndToEnd(name) || isHop(name) || isClaim(name));

/** Whether a field may stand in a trailer section that is sent on. */
export const isTrailer = remembered((name) => !isNeverTrailer(name) && !isHop(name) && !isClaim(name) && !isOurs(name));
