/** What nghttp2 holds itself: made once for each set of limits. */

import type { ServerSessionOptions } from 'node:http2';
import type { Limits } from '../../../core/limits.ts';

const made = { proxies: new WeakMap<Limits, ServerSessionOptions>(), services: new WeakMap<Limits, ServerSessionOptions>() };

export function optionsFor(limits: Limits, isProxy: boolean): ServerSessionOptions {
  const known = isProxy ? made.proxies : made.services;
  let options = known.get(limits);
  if (options === undefined) {
    options = optionsOf(limits, isProxy);
    known.set(limits, options);
  }
  return options;
}

function optionsOf(limits: Limits, isProxy: boolean): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.http2StreamsMax,
      initialWindowSize: limits.http2WindowBytes,
      maxHeaderListSize: limits.http2HeadListBytesMax,
      // RFC 8441: WebSockets. Through a proxy they go in a tunnel.
      enableConnectProtocol: !isProxy,
      enablePush: false,
    },
    // Pseudo-header fields are fields too.
    maxHeaderListPairs: limits.headFieldsMax + 5,
    maxSessionMemory: Math.max(1, Math.ceil(limits.http2ConnectionBytesMax / 1_048_576)),
    // Answers of services are theirs: two of a field that should be one are passed on as they are in HTTP/1.1.
    strictSingleValueFields: false,
    // nghttp2 would drop a field with a space at its end; we see it, and refuse the request (RFC 9113, 8.2.1).
    strictFieldWhitespaceValidation: false,
    // Empty DATA without an end (CVE-2019-9518), and what nghttp2 itself finds wrong.
    maxSessionInvalidFrames: limits.http2ControlFramesPerSecondMax,
    maxSessionRejectedStreams: limits.http2ResetsPerSecondMax,
    streamResetBurst: limits.http2ResetsPerSecondMax * 4,
    streamResetRate: limits.http2ResetsPerSecondMax,
    maxSettings: 32,
  };
}
