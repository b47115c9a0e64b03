/** What a session tells, and what it must be told: the types of its conversation. */

import type { Code, Fault } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { MessageType } from './frame.ts';
import type { Opening } from './opening.ts';

export type MuxEvent =
  | Readonly<{ is: 'message'; type: MessageType; value: unknown }>
  /** A stream that the peer opened. Answer with `accept` or `reset`. */
  | Readonly<{ is: 'open'; stream: number; opening: Opening }>
  | Readonly<{ is: 'opened'; stream: number }>
  /** A view of the bytes that were handed in: copy what is kept for long. Call `drained` when it was consumed. */
  | Readonly<{ is: 'data'; stream: number; bytes: Uint8Array }>
  | Readonly<{ is: 'fin'; stream: number }>
  | Readonly<{ is: 'reset'; stream: number; code: Code }>
  | Readonly<{ is: 'goaway'; code: Code; last: number }>
  /** The peer has all of our bytes before this position: what came before it need not be kept for a connection that breaks. */
  | Readonly<{ is: 'acked'; position: number }>
  /** The connection is most likely dead; whoever can go on over another one should. */
  | Readonly<{ is: 'silent'; fault: Fault }>
  /** The carrier is over. What `take` still gives says so to the peer. */
  | Readonly<{ is: 'fault'; fault: Fault }>;

/** What each end tells the other before the first stream. */
export type PeerLimits = Readonly<{ window: number; streams: number }>;

export type MuxLimits = Pick<
  Limits,
  | 'frameBytesMax'
  | 'messageBytesMax'
  | 'streamWindowBytes'
  | 'carrierWindowBytes'
  | 'carrierStreamsMax'
  | 'carrierIdleMs'
  | 'carrierProbeMs'
  | 'controlFramesPerSecondMax'
  | 'sendWindowBytesMax'
  | 'resumeMs'
  | 'resumeBytesMax'
>;

/** The relay opens streams with odd ids. Even ids are the gateway's, which opens none in this version. */
export type MuxOptions = Readonly<{ side: 'relay' | 'gateway'; limits: MuxLimits; now: number }>;
