/** How programs are told of a proxy: lines that can be copied, with the client's own values and without its secret. */

/** `host` canonical, an IPv6 address in brackets. `scheme`: how the proxy itself is reached. */
export type ProxyPlace = Readonly<{ scheme: 'http' | 'https'; host: string; port: number }>;

/** Stands where the secret goes. */
export const secretPlaceholder = 'YOUR-KEY';

export type SetUp = Readonly<{ title: string; lines: readonly string[] }>;

/** @param user a name that needs no escaping: letters, digits and . _ - */
export function setUps({ scheme, host, port }: ProxyPlace, user: string): readonly SetUp[] {
  const bare = `${scheme}://${host}:${port}`;
  const whole = `${scheme}://${user}:${secretPlaceholder}@${host}:${port}`;
  return [
    { title: 'curl', lines: [`curl --proxy ${bare} --proxy-user ${user} https://example.org/`] },
    { title: 'git', lines: [`git config --global http.proxy ${scheme}://${user}@${host}:${port}`] },
    { title: 'npm', lines: [`npm config set proxy ${whole}`, `npm config set https-proxy ${whole}`] },
    { title: 'pip', lines: [`pip config set global.proxy ${whole}`] },
    {
      title: 'Docker (~/.docker/config.json)',
      lines: [JSON.stringify({ proxies: { default: { httpProxy: whole, httpsProxy: whole, noProxy: 'localhost' } } })],
    },
  ];
}

export function environment({ scheme, host, port }: ProxyPlace, user: string): readonly string[] {
  const whole = `${scheme}://${user}:${secretPlaceholder}@${host}:${port}`;
  return [`export HTTPS_PROXY=${whole}`, `export HTTP_PROXY=${whole}`, 'export NO_PROXY=localhost,127.0.0.1'];
}

/** Where a client shows a certificate: what can show one to a proxy does, and everything else goes by what can. */
export function certificateSetUps({ scheme, host, port }: ProxyPlace): readonly SetUp[] {
  const bare = `${scheme}://${host}:${port}`;
  return [
    { title: 'curl', lines: [`curl --proxy ${bare} --proxy-cert client.crt --proxy-key client.key https://example.org/`] },
    {
      title: 'git',
      lines: [
        `git config --global http.proxy ${bare}`,
        'git config --global http.proxySSLCert /path/to/client.crt',
        'git config --global http.proxySSLKey /path/to/client.key',
      ],
    },
    {
      title: 'npm, pip, Docker …',
      lines: [
        `sallyport connect ${host}:${port} --proxy --certificate client.crt --certificate-key client.key`,
        'export HTTPS_PROXY=http://127.0.0.1:3128',
        'export HTTP_PROXY=http://127.0.0.1:3128',
      ],
    },
  ];
}
