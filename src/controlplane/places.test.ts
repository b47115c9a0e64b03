import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { doorAddresses, placeOf, relayName, type RelayPlace } from './places.ts';

const embedded: RelayPlace = { host: '127.0.0.1', port: 8443, root: 'localhost', embedded: true, reach: 'machine' };
const joined: RelayPlace = { host: 'relay.example.org', port: 443, root: 'ana.example.org', embedded: false, reach: 'internet' };
const machine = ['192.168.1.5', '2001:db8::5'];

describe('the name of a service at a relay', () => {
  test('is below localhost on a relay of our own', () => assert.equal(relayName('web', embedded), 'web.localhost'));
  test('is the granted name itself for the service of that name', () => assert.equal(relayName('ana', joined), 'ana.example.org'));
  test('is below the granted name for any other', () => assert.equal(relayName('web', joined), 'web.ana.example.org'));
  test('is not cut short by a name that only begins alike', () => assert.equal(relayName('an', joined), 'an.ana.example.org'));
});

describe('where a service is reached', () => {
  test('at the relay, dialled where the relay listens', () => {
    assert.deepEqual(placeOf({ service: 'web', hosts: ['web.localhost'], doors: [], relay: embedded, machine }), {
      service: 'web',
      host: 'web.localhost',
      url: 'https://web.localhost:8443',
      dial: { host: '127.0.0.1', port: 8443 },
      tls: true,
      reach: 'machine',
    });
  });

  test('without the usual port in its address', () => {
    assert.equal(placeOf({ service: 'ana', hosts: [], doors: [], relay: joined, machine })?.url, 'https://ana.example.org');
  });

  test('at its own door, by its name where it has one, dialled at the machine’s address where every address is listened on', () => {
    const doors = [
      { scheme: 'http', host: '0.0.0.0', port: 80 },
      { scheme: 'https', host: '0.0.0.0', port: 443 },
    ] as const;
    const place = placeOf({ service: 'web', hosts: ['a.example'], doors, relay: null, machine });
    assert.deepEqual([place?.url, place?.dial, place?.reach], ['https://a.example', { host: '192.168.1.5', port: 443 }, 'network']);
    const nameless = placeOf({ service: 'web', hosts: [], doors: [{ scheme: 'https', host: '::', port: 8443 }], relay: null, machine });
    assert.equal(nameless?.url, 'https://[2001:db8::5]:8443');
    // 2001:db8::/32 is for documents: nobody is reached there from the Internet.
    assert.equal(nameless?.reach, 'network');
  });

  test('nowhere without a relay and a door', () =>
    assert.equal(placeOf({ service: 'web', hosts: [], doors: [], relay: null, machine }), null));
});

describe('the addresses that a certificate names', () => {
  test('are those of doors with TLS, a wildcard’s being all of the machine', () => {
    const doors = [
      { scheme: 'http', host: '10.0.0.1', port: 80 },
      { scheme: 'https', host: '10.0.0.2', port: 443 },
      { scheme: 'https', host: '0.0.0.0', port: 8443 },
    ] as const;
    assert.deepEqual(doorAddresses(doors, machine), ['10.0.0.2', '127.0.0.1', '::1', ...machine]);
    assert.deepEqual(doorAddresses([{ scheme: 'https', host: 'localhost', port: 1 }], machine), ['127.0.0.1', '::1']);
    assert.deepEqual(doorAddresses([{ scheme: 'http', host: '0.0.0.0', port: 1 }], machine), []);
  });
});
