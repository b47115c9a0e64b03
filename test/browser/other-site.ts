/** Another site than ours, for what it makes a browser do: it serves one page and remembers who was sent to it. */

import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';

export type OtherSite = Readonly<{
  url: string;
  referers: readonly (string | null)[];
  show: (markup: string) => void;
  close: () => Promise<void>;
}>;

/** @param host its name, which the browser finds on this machine; with a certificate it speaks HTTPS */
export async function otherSite(host: string, leaf: Readonly<{ key: string; cert: string }> | null): Promise<OtherSite> {
  const referers: (string | null)[] = [];
  let page = '';
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    referers.push(request.headers.referer ?? null);
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(`<!doctype html><link rel="icon" href="data:,">${page}`);
  };
  const server = leaf === null ? createPlain(answer) : createTls({ key: leaf.key, cert: leaf.cert }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${leaf === null ? 'http' : 'https'}://${host}:${port}`,
    referers,
    show: (markup) => {
      page = markup;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
