/** Asks an address that the program printed, as a visitor on this machine: `*.localhost` and every test name are dialled here. */

import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { visitorContext } from '../doubles/visitor-context.ts';

export type Asked = Readonly<{ status: number; headers: Readonly<Record<string, string | string[] | undefined>>; body: string }>;

export type Asking = Readonly<{ ca?: string; method?: string; headers?: Readonly<Record<string, string>>; body?: string; dial?: string }>;

/** `ca` is the path that stands in the ready line. Rejects when nobody answers. */
export function ask(url: string, asking: Asking = {}): Promise<Asked> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  const options = {
    host: asking.dial ?? (/^[\d.:]+$/.test(name) ? name : '127.0.0.1'),
    port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
    path: `${pathname}${search}`,
    method: asking.method ?? 'GET',
    agent: false,
    headers: { Host: host, ...asking.headers },
  };
  return new Promise((resolve, reject) => {
    const tls = {
      ...options,
      ...(/^[\d.:]+$/.test(name) ? {} : { servername: name }),
      ...(asking.ca === undefined ? {} : { secureContext: visitorContext(readFileSync(asking.ca, 'utf8')) }),
    };
    const call = protocol === 'http:' ? requestPlain(options) : requestTls(tls);
    call.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(asking.body);
  });
}

/** The field that Basic credentials go into (RFC 7617). */
export function basic(user: string, password: string): Readonly<Record<string, string>> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
