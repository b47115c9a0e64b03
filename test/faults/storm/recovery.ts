/** When an address answers again: strangers come on fresh connections, several a second, until one has a whole answer. */

import { setTimeout as pause } from 'node:timers/promises';
import { newId } from './load.ts';
import { tcpVisit } from './tcp-visit.ts';
import { udpVisit } from './udp-visit.ts';
import type { Outcome } from './tally.ts';
import { visit, type Door } from './visit.ts';
import type { World } from './world.ts';

/** One way by which strangers come. Each try has an id of its own. */
export type Probe = Readonly<{ name: string; look: (id: string, signal: AbortSignal) => Promise<Outcome> }>;

/** Not the one that carriers and their lines use. */
const ownAddress = process.platform === 'linux' ? '127.65.0.1' : undefined;
/** Between two tries at first; each pause is longer than the one before, so that all ways together are no load of their own. */
const betweenMs = 250;
const growth = 1.25;
const betweenMostMs = 2_000;
/** A try that hangs must not hide that a later one would be answered. */
const tryMs = 8_000;
const small = 200;

export function probeOf(door: Door): Probe {
  return {
    name: door.url.host,
    look: (id, signal) => visit(door, { work: 'nonce', id, bytes: 0, agent: false, from: ownAddress, signal }),
  };
}

/** By all ways: every name at every relay, every port, every `connect`. */
export function probesOf({ gateways, shared, relays }: World): readonly Probe[] {
  const ports = gateways.flatMap(({ entrances }, gateway) =>
    entrances.flatMap(({ raw }, relay): readonly Probe[] => {
      if (raw === null) return [];
      const where = `of gateway ${gateway + 1} at relay ${relay + 1}`;
      return [
        { name: `TCP ${where}`, look: (id, signal) => tcp(raw.tcp, id, signal) },
        { name: `UDP ${where}`, look: (id, signal) => udp(raw.udp, id, signal) },
      ];
    }),
  );
  const connects = gateways.map(({ connect, connectPort }): Probe => ({
    name: connect.name,
    look: (id, signal) => tcp(connectPort, id, signal),
  }));
  const doors = relays.flatMap((_, relay) => gateways.flatMap(({ entrances }) => entrances[relay]?.own ?? []));
  return [...[...doors, ...shared].map(probeOf), ...ports, ...connects];
}

function tcp(port: number, id: string, signal: AbortSignal): Promise<Outcome> {
  return tcpVisit({ port, id, bytes: small, pieces: 1, pauseMs: 0, from: ownAddress, patienceMs: 20_000, signal, leaveMs: 0 });
}

function udp(at: Readonly<{ host: string; port: number }>, id: string, signal: AbortSignal): Promise<Outcome> {
  const one = { datagrams: 1, bytesMax: small, pauseMs: 0, patienceMs: 5_000, onDatagram: () => undefined };
  return udpVisit({ ...at, ...one, id, from: ownAddress, signal });
}

/** Milliseconds from `from` to the end of the first whole answer to a request that was begun after it; null when there is none in time. A wrong one is told. */
export async function answersAgain(probe: Probe, from: number, boundMs: number, onWrong: (what: string) => void): Promise<number | null> {
  const found = new AbortController();
  const underWay = new Set<Promise<void>>();
  let tookMs: number | null = null;
  let ms = betweenMs;
  const tryOnce = async (): Promise<void> => {
    const id = newId();
    const outcome = await probe.look(id, AbortSignal.any([found.signal, AbortSignal.timeout(tryMs)]));
    if (outcome.is === 'wrong') onWrong(`${probe.name} ${id}: ${outcome.why}`);
    if (outcome.is !== 'whole' || tookMs !== null) return;
    tookMs = performance.now() - from;
    found.abort();
  };
  while (!found.signal.aborted && performance.now() - from < boundMs) {
    const one: Promise<void> = tryOnce().finally(() => underWay.delete(one));
    underWay.add(one);
    await pause(ms, undefined, { signal: found.signal }).catch(() => undefined);
    ms = Math.min(betweenMostMs, ms * growth);
  }
  found.abort();
  await Promise.all(underWay);
  return tookMs;
}

/** The service that answers there, by its own word; null when nobody does in time. */
export async function whoServes(door: Door, boundMs: number): Promise<string | null> {
  for (const end = performance.now() + boundMs; performance.now() < end; await pause(betweenMs)) {
    const outcome = await visit(door, { work: 'nonce', id: newId(), bytes: 0, agent: false, from: ownAddress });
    if (outcome.is === 'whole') return outcome.by ?? null;
  }
  return null;
}
