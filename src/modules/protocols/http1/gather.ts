/** Reads one request's body whole, up to a measure: for forms and signatures, never for what is passed on. */

import type { RequestHead } from '../../../core/http/head.ts';
import type { Visitor } from './visitor.ts';

/** Null when it is longer than `bytesMax`, has no single reading, or never came: checked on the length before a byte is kept. */
export function gatherBody(visitor: Visitor, head: RequestHead, bytesMax: number): Promise<Uint8Array | null> {
  if (head.framing.is === 'length' && head.framing.length > bytesMax) return Promise.resolve(null);
  if (visitor.bodyBytes === 0 && visitor.bodyRead) return Promise.resolve(new Uint8Array(0));
  if (head.expectsContinue && visitor.bodyBytes === 0) visitor.stream.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  return new Promise((resolve) => {
    const spans: Uint8Array[] = [];
    let bytes = 0;
    const stop = (result: Uint8Array | null): void => {
      visitor.stream.off('close', gone);
      resolve(result);
    };
    const gone = (): void => stop(null);
    visitor.stream.once('close', gone);
    visitor.readBody({
      span: (span) => {
        bytes += span.length;
        if (bytes <= bytesMax) spans.push(span);
        else {
          visitor.pause();
          stop(null);
        }
      },
      whole: () => {
        if (bytes <= bytesMax) stop(Buffer.concat(spans));
      },
      broken: () => stop(null),
      turn: () => undefined,
    });
  });
}
