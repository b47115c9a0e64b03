import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { doorAddresses, farthest, isNameAt, namesOf, placesOf, relayName, type PlacesInput, type RelayPlace } from './places.ts';

const embedded: RelayPlace = {
  address: '127.0.0.1:8443',
  host: '127.0.0.1',
  port: 8443,
  root: 'localhost',
  domain: 'localhost',
  embedded: true,
  reach: 'machine',
};
const joined: RelayPlace = {
  address: 'relay.example.org:443',
  host: 'relay.example.org',
  port: 443,
  root: 'ana.example.org',
  domain: 'example.org',
  embedded: false,
  reach: 'internet',
};
const other: RelayPlace = {
  ...joined,
  address: 'relay.example.net:443',
  host: 'relay.example.net',
  root: 'an.example.net',
  domain: 'example.net',
};
const placeOf = (input: Omit<PlacesInput, 'isRefused'> & Partial<Pick<PlacesInput, 'isRefused'>>) =>
  placesOf({ isRefused: () => false, ...input })[0] ?? null;
const machine = ['192.168.1.5', '2001:db8::5'];

describe('the name of a service at a relay', () => {
  test('is below localhost on a relay of our own', () => assert.equal(relayName('web', embedded), 'web.localhost'));
  test('is the granted name itself for the service of that name', () => assert.equal(relayName('ana', joined), 'ana.example.org'));
  test('is below the granted name for any other', () => assert.equal(relayName('web', joined), 'web.ana.example.org'));
  test('is not cut short by a name that only begins alike', () => assert.equal(relayName('an', joined), 'an.ana.example.org'));
});

describe('where a service is reached', () => {
  test('at the relay, dialled where the relay listens', () => {
    assert.deepEqual(placeOf({ service: 'web', hosts: ['web.localhost'], doors: [], relays: [embedded], machine }), {
      service: 'web',
      host: 'web.localhost',
      url: 'https://web.localhost:8443',
      dial: { host: '127.0.0.1', port: 8443 },
      tls: true,
      reach: 'machine',
      relay: '127.0.0.1:8443',
    });
  });

  test('without the usual port in its address', () => {
    assert.equal(placeOf({ service: 'ana', hosts: [], doors: [], relays: [joined], machine })?.url, 'https://ana.example.org');
  });

  test('at its own door, by its name where it has one, dialled at the machine’s address where every address is listened on', () => {
    const doors = [
      { scheme: 'http', host: '0.0.0.0', port: 80 },
      { scheme: 'https', host: '0.0.0.0', port: 443 },
    ] as const;
    const place = placeOf({ service: 'web', hosts: ['a.example'], doors, relays: [], machine });
    assert.deepEqual([place?.url, place?.dial, place?.reach], ['https://a.example', { host: '192.168.1.5', port: 443 }, 'network']);
    const nameless = placeOf({ service: 'web', hosts: [], doors: [{ scheme: 'https', host: '::', port: 8443 }], relays: [], machine });
    assert.equal(nameless?.url, 'https://[2001:db8::5]:8443');
    // 2001:db8::/32 is for documents: nobody is reached there from the Internet.
    assert.equal(nameless?.reach, 'network');
  });

  test('nowhere without a relay and a door', () =>
    assert.equal(placeOf({ service: 'web', hosts: [], doors: [], relays: [], machine }), null));
});

describe('several relays', () => {
  const relays = [joined, other];
  const at = (name: string, ...names: readonly string[]) => namesOf({ name, at: names }, relays, false);

  test('give a service a name each, and so does one label', () => {
    assert.deepEqual(at('web'), ['web.ana.example.org', 'web.an.example.net']);
    assert.deepEqual(at('web', 'ana'), ['ana.example.org', 'ana.an.example.net', 'web.ana.example.org', 'web.an.example.net']);
    assert.deepEqual(namesOf({ name: 'web', at: ['nas'] }, [joined], true), ['nas', 'nas.ana.example.org', 'web.ana.example.org']);
    assert.deepEqual(namesOf({ name: 'web', at: ['nas'] }, [], true), ['nas']);
    assert.deepEqual(namesOf({ name: 'web', at: ['localhost'] }, [embedded], true), ['localhost', 'web.localhost']);
  });

  test('are those only that the names of a service are at', () => {
    assert.deepEqual(at('web', 'shop.example.net'), ['shop.example.net', 'web.an.example.net']);
    assert.deepEqual(
      placesOf({ service: 'web', hosts: at('web', 'shop.example.net'), doors: [], relays, isRefused: () => false, machine }).map(
        ({ url }) => url,
      ),
      ['https://shop.example.net'],
    );
    // A domain of one's own may be granted by either.
    assert.deepEqual(at('web', 'www.ana.example'), ['www.ana.example', 'web.ana.example.org', 'web.an.example.net']);
  });

  test('are not told each other’s names', () => {
    assert.equal(isNameAt('web.ana.example.org', other, relays), false);
    assert.equal(isNameAt('web.ana.example.org', joined, relays), true);
    assert.equal(isNameAt('www.ana.example', other, relays), true);
    assert.equal(isNameAt('nas', joined, relays), false);
    assert.equal(isNameAt('www.ana.example', embedded, [embedded]), false);
  });

  test('show the first name that they did not refuse', () => {
    const hosts = ['team-a.example.org', 'www.ana.example', ...at('web')];
    const places = placesOf({
      service: 'web',
      hosts,
      doors: [],
      relays,
      isRefused: (relay, name) => relay === other && name === 'www.ana.example',
      machine,
    });
    assert.deepEqual(
      places.map(({ url, relay, dial }) => [url, relay, dial.host]),
      [
        ['https://team-a.example.org', 'relay.example.org:443', 'relay.example.org'],
        ['https://web.an.example.net', 'relay.example.net:443', 'relay.example.net'],
      ],
    );
  });

  test('reach as far as the farthest', () => {
    assert.equal(farthest([{ ...joined, reach: 'network' }, other]), 'internet');
    assert.equal(farthest([]), null);
  });
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
