/** What a visitor may try on a TLS connection that stands. */

import { equal } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { identityOf } from '../../../test/tunnel/relay.ts';
import { tlsSettings } from './tls-settings.ts';

describe('TLS of ours', () => {
  it('TLS renegotiation: is refused, and ends nothing but that connection (CVE-2021-3449)', async (context) => {
    const { privateKey, certificate } = await identityOf('renegotiation');
    const server = tls.createServer({ ...tlsSettings, key: privateKey, cert: certificate });
    server.on('secureConnection', (socket) => socket.on('error', () => undefined).resume());
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    context.after(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const visit = async (): Promise<tls.TLSSocket> => {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      return socket;
    };
    const hostile = await visit();
    let renegotiated = false;
    hostile.renegotiate({ rejectUnauthorized: false }, (error) => {
      renegotiated = error === null;
    });
    const honest = await visit();
    equal(honest.getProtocol(), 'TLSv1.2');
    // A handshake from the beginning has come to its end meanwhile; the second one of the other has not.
    equal(renegotiated, false);
    for (const socket of [hostile, honest]) socket.destroy();
  });
});
