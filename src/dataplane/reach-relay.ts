/** The gateway's side of a carrier's beginning: reach the relay, see its key, greet, wait until it has accepted. */

import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { SallyportError, fault } from '../core/errors.ts';
import type { Code, Fault } from '../core/errors.ts';
import type { MessageType } from '../core/mux/frame.ts';
import type { Opening } from '../core/mux/opening.ts';
import type { Limits } from '../core/limits.ts';
import type { Invite, MachineIdentity } from '../contracts/tunnel.ts';
import { Carrier } from './carrier.ts';
import type { CarrierTaker } from './carrier.ts';
import type { CarrierStream } from './carrier-stream.ts';
import type { Accepted, Hello } from './greeting.ts';
import { acceptedShape, carrierTls, peerFingerprint, proveChannel, refusedShape } from './greeting.ts';

export type ReachOptions = Readonly<{
  /** HOST:PORT, `[v6]:PORT`. */
  address: string;
  /** The relay's key, as it stood in the invitation. */
  fingerprint: string;
  identity: MachineIdentity;
  instance: string;
  invite: string | null;
  limits: Limits;
  signal: AbortSignal;
  open: (stream: CarrierStream, opening: Opening) => void;
  message: (type: MessageType, value: unknown) => void;
  goaway: (code: Code) => void;
  end: (why: Fault) => void;
}>;

export type Reached = Readonly<{ carrier: Carrier; accepted: Accepted }>;

/**
 * Resolves once the relay has accepted. Nothing is said before its key was seen to be the pinned one.
 * Errors: `relay-unreachable`, `relay-untrusted` (another key, or no carrier's TLS), `relay-refused`,
 * `invite-refused`, `name-taken`, `interrupted` (the signal).
 */
export function reachRelay(options: ReachOptions): Promise<Reached> {
  const { promise, resolve, reject } = Promise.withResolvers<Reached>();
  const { host, port } = dialled(options.address);
  const socket = connect({
    host,
    port,
    // No name in the hello: whoever watches the line learns the address, and nothing else.
    servername: '',
    key: options.identity.privateKey,
    cert: options.identity.certificate,
    // The pin below is the check; names and dates of a self-made certificate say nothing.
    checkServerIdentity: () => undefined,
    ...carrierTls,
  });
  const greeting = new Greeting(options, socket, { resolve, reject });
  const aborted = (): void => greeting.fail(new SallyportError('interrupted', 'Reaching the relay was given up.'));
  const deadline = setTimeout(() => greeting.fail(unreachable(options.address, 'it did not answer in time')), options.limits.handshakeMs);
  options.signal.addEventListener('abort', aborted);
  greeting.onSettled = () => {
    clearTimeout(deadline);
    options.signal.removeEventListener('abort', aborted);
  };
  socket.setNoDelay(true);
  socket.on('error', (error) => greeting.fail(unreachable(options.address, error.message, error)));
  socket.on('close', () => greeting.fail(unreachable(options.address, 'it closed the connection')));
  socket.once('secureConnect', () => greeting.secured());
  if (options.signal.aborted) aborted();
  return promise;
}

class Greeting implements CarrierTaker {
  readonly #options: ReachOptions;
  readonly #socket: TLSSocket;
  readonly #promise: Readonly<{ resolve: (reached: Reached) => void; reject: (error: SallyportError) => void }>;
  onSettled: () => void = () => undefined;
  #carrier: Carrier | null = null;
  #settled = false;
  #accepted = false;

  constructor(
    options: ReachOptions,
    socket: TLSSocket,
    promise: Readonly<{ resolve: (reached: Reached) => void; reject: (error: SallyportError) => void }>,
  ) {
    this.#options = options;
    this.#socket = socket;
    this.#promise = promise;
  }

  secured(): void {
    if (this.#settled) return;
    if (peerFingerprint(this.#socket) !== this.#options.fingerprint) return this.fail(untrusted(this.#options.address));
    const carrier = new Carrier({ socket: this.#socket, side: 'gateway', limits: this.#options.limits, taker: this });
    this.#carrier = carrier;
    const hello: Hello = {
      instance: this.#options.instance,
      proof: proveChannel(this.#socket, this.#options.identity.privateKey),
      invite: this.#options.invite,
      ...carrier.limits,
      features: [],
    };
    carrier.message('hello', hello);
  }

  message(type: MessageType, value: unknown): void {
    if (type === 'accepted') this.#accept(value);
    else if (type === 'refused') this.fail(refusal(this.#options.address, value));
    else this.#options.message(type, value);
  }

  open(stream: CarrierStream, opening: Opening): void {
    this.#options.open(stream, opening);
  }

  goaway(code: Code): void {
    if (this.#accepted) this.#options.goaway(code);
  }

  end(why: Fault): void {
    if (this.#accepted) this.#options.end(why);
    else this.fail(unreachable(this.#options.address, why.why));
  }

  /** Ends what never came to stand. */
  fail(error: SallyportError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onSettled();
    this.#carrier?.close(fault('carrier-broken', 'the greeting failed'));
    this.#socket.destroy();
    this.#promise.reject(error);
  }

  #accept(value: unknown): void {
    const accepted = acceptedShape.safeParse(value);
    const carrier = this.#carrier;
    if (this.#settled || carrier === null) return;
    if (!accepted.success) return this.fail(unreachable(this.#options.address, 'it speaks another version of the protocol'));
    this.#settled = true;
    this.#accepted = true;
    this.onSettled();
    carrier.begin({ window: accepted.data.window, streams: 0 });
    this.#promise.resolve({ carrier, accepted: accepted.data });
  }
}

/**
 * Spends an invitation: shows the relay this machine's key and gets the grants, as far as the invitation speaks of them.
 * Errors as of `reachRelay`; `relay-untrusted` also where the invited name is not among the grants.
 */
export async function join(
  options: Readonly<{ invite: Invite; identity: MachineIdentity; limits: Limits; signal: AbortSignal; instance: string }>,
): Promise<Readonly<{ relay: string; domain: string; grants: readonly string[] }>> {
  const { invite } = options;
  const { carrier, accepted } = await reachRelay({
    ...options,
    address: invite.relayAddress,
    fingerprint: invite.fingerprint,
    invite: invite.secret,
    open: (stream) => stream.destroy(),
    message: () => undefined,
    goaway: () => undefined,
    end: () => undefined,
  });
  carrier.close(fault('interrupted', 'joined'));
  const grants = accepted.grants.filter((name) => isSpokenOf(name, invite.name));
  if (!grants.includes(invite.name))
    throw new SallyportError('relay-untrusted', `The relay ${invite.relayAddress} does not grant ${invite.name}, which it invited to.`, {
      hint: 'Ask its operator what happened to that name.',
    });
  return { relay: invite.relayAddress, domain: accepted.domain, grants };
}

/** Names beside and below the invited one: what else a relay grants would widen what our local CA may sign for. */
function isSpokenOf(name: string, invited: string): boolean {
  const dot = invited.indexOf('.');
  return dot === -1 ? name === invited : name.endsWith(invited.slice(dot));
}

/** `*.localhost` is this machine, whatever a resolver says (RFC 6761, 6.3). */
function dialled(address: string): Readonly<{ host: string; port: number }> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return { host: host === 'localhost' || host.endsWith('.localhost') ? '127.0.0.1' : host, port: Number(address.slice(at + 1)) };
}

function unreachable(address: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('relay-unreachable', `The relay ${address} cannot be reached: ${why}.`, {
    hint: 'Check that the relay runs and that nothing between blocks the way.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function untrusted(address: string): SallyportError {
  return new SallyportError('relay-untrusted', `What answers at ${address} does not have the relay’s key.`, {
    hint: 'Somebody may stand between; if the relay has a new key, ask its operator for a new invitation.',
  });
}

function refusal(address: string, value: unknown): SallyportError {
  const parsed = refusedShape.safeParse(value);
  const code = parsed.success ? parsed.data.code : 'relay-refused';
  switch (code) {
    case 'invite-refused':
      return new SallyportError(code, `The relay ${address} does not take this invitation.`, {
        hint: 'It may have been used or have expired: ask for a new one.',
      });
    case 'name-taken':
      return new SallyportError(code, 'The name of this invitation belongs to another gateway by now.', {
        hint: 'Ask the relay’s operator for another name.',
      });
    default:
      return new SallyportError('relay-refused', `The relay ${address} refused this gateway (${code}).`, {
        hint: 'Its grants may have been revoked: ask the relay’s operator.',
      });
  }
}
