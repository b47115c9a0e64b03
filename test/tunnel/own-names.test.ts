/** A name outside of a relay's domain at a running relay: held, doubted, lost, and what its gateway hears of it. */

import { deepEqual, equal } from 'node:assert/strict';
import { it } from 'node:test';
import { resolverAt } from '../../src/controlplane/enrolment/txt-proof.ts';
import { gateway, until, world } from './relay.ts';
import { visit } from './visits.ts';
import { nameServer } from '../doubles/dns.ts';

const name = 'blog.example.net';

it('a name of one’s own is reached like any other; its gateway hears when the proof fails, and loses it after its time (subdomain takeover)', async (test) => {
  const dns = await nameServer(test);
  const ownDomains = { perGateway: 1, resolvers: [resolverAt(dns.address, 1_000)] };
  // Each registration looks again; what the name servers deny for a second is lost.
  const limits = { ownNameFreshMs: 0, ownNameRetryMs: 0, ownNameAbsentMs: 1_000 };
  const at = await world(test, limits, null, undefined, { ownDomains });
  const key = await at.member('blog');
  const said = `_sallyport.${name}`;
  dns.says.set(said, [[`sallyport=${key.fingerprint}`]]);
  const member = gateway(test, at, { identity: key, names: ['blog.example.test', name] });
  await member.link.ready;
  equal(await visit(at.port, name), null);
  const stranger = await at.member('shop');
  dns.says.set(said, [[`sallyport=${key.fingerprint}`], [`sallyport=${stranger.fingerprint}`]]);
  const other = gateway(test, at, { identity: stranger, names: ['shop.example.test', name] });
  equal((await other.state('ready'))?.code, 'name-unproved', 'proved as well, and somebody’s already');

  dns.says.delete(said);
  const told = member.state('ready');
  await member.link.register(['blog.example.test', name]);
  equal((await told)?.code, 'name-unproved');
  equal(await visit(at.port, name), null, 'a doubt takes nothing');
  await new Promise((resolve) => void setTimeout(resolve, 1_050));
  const lost = member.state('lost');
  await member.link.register(['blog.example.test', name]);
  await lost;
  await until(() => at.relay.gateways().every(({ names }) => !names.includes(name)));
  deepEqual((await visit(at.port, name)) === null, false);
});
