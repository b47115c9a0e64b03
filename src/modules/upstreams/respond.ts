/** Upstream `respond`: one fixed answer, whatever is asked. */

import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { defineUpstream } from '../../contracts/upstream.ts';
import { SallyportError } from '../../core/errors.ts';
import { mediaType } from '../../core/http/media-type.ts';

const options = z.strictObject({
  status: z.int().min(200).max(599),
  text: z.string().nullable(),
  /** An absolute path. Read once, with the configuration. */
  file: z.string().nullable(),
  /** The media type; null for what the file's name says, and plain text. */
  type: z.string().nullable(),
});

/** Errors of `build`: `file-missing` when the file cannot be read, `config-malformed` when it is longer than `fixedAnswerBytesMax`. */
export const respond = defineUpstream({
  name: 'respond',
  options,
  build: ({ status, text, file, type }, { limits }) => {
    const content = file === null ? (text === null ? null : Buffer.from(text)) : contentOf(file, limits.fixedAnswerBytesMax);
    const media = type ?? (file === null ? 'text/plain; charset=utf-8' : mediaType(file));
    const fields = [
      ...(content === null ? [] : [['Content-Type', media] as const]),
      ['X-Content-Type-Options', 'nosniff'] as const,
      ['Cache-Control', 'private, no-cache'] as const,
    ];
    const whole = { is: 'reply', reply: { status, fields, body: content } } as const;
    const head = { is: 'reply', reply: { status, fields, body: null }, length: content?.length ?? 0 } as const;
    return {
      open: ({ http }) => (http?.method === 'HEAD' && content !== null ? head : whole),
      words: `answer ${status}${file === null ? '' : ` with ${file}`}`,
      close: async () => {},
    };
  },
});

function contentOf(path: string, bytesMax: number): Buffer {
  try {
    if (statSync(path).size > bytesMax)
      throw new SallyportError('config-malformed', `${path} is longer than a fixed answer may be: ${bytesMax} bytes.`, {
        hint: 'Serve it from a folder: dir.',
      });
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError('file-missing', `There is no file ${path} that can be read.`, {
      hint: 'Check the path and its rights.',
      cause,
    });
  }
}
