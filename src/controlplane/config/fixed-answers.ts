/** `to: redirect:…` and `to: respond:…`: what lies behind is an answer of the configuration itself. */

import { z } from 'zod';
import { consistsOf, valueOctet } from '../../core/http/octets.ts';
import { redirectExpected, redirectTemplate } from '../../core/http/redirect-template.ts';

export type FixedAnswer =
  | Readonly<{ is: 'redirect'; to: string; status: 301 | 302 | 303 | 307 | 308 }>
  /** `text` or `file`, or neither; `type` null for what the file's name says. */
  | Readonly<{ is: 'respond'; status: number; text: string | null; file: string | null; type: string | null }>;

const statusExpected = 'a status from 200 to 599 that needs nothing beside it: no 204, 206, 3xx, 401, 407, 426';

/** `redirect:URL` (302) and `respond:STATUS`; null for what is neither. */
export function readFixed(text: string): Readonly<{ ok: true; value: FixedAnswer }> | Readonly<{ ok: false; expected: string }> | null {
  const match = /^(redirect|respond):([^]*)$/.exec(text);
  if (match === null) return null;
  const [, kind, rest = ''] = match;
  if (kind === 'redirect') {
    if (redirectTemplate(rest) === null) return { ok: false, expected: `redirect: and ${redirectExpected}` };
    return { ok: true, value: { is: 'redirect', to: rest, status: 302 } };
  }
  const status = /^\d{3}$/.test(rest) ? Number(rest) : 0;
  if (!isPlainStatus(status)) return { ok: false, expected: `respond: and ${statusExpected}` };
  return { ok: true, value: { is: 'respond', status, text: null, file: null, type: null } };
}

/** The same as maps, with what they take besides. */
export function fixedSchemas() {
  const target = z.string({ error: redirectExpected }).refine((text) => redirectTemplate(text) !== null, redirectExpected);
  const status = z.literal([301, 302, 303, 307, 308], { error: 'one of 301, 302, 303, 307, 308' });
  const redirect = z
    .strictObject(
      {
        redirect: target.describe('Where it leads, with {path} and {query} in it.'),
        status: status.prefault(302).describe('The status of the redirect.'),
      },
      { error: 'a redirect, like { redirect: "https://new.example.org/{path}", status: 301 }' },
    )
    .transform((keys): FixedAnswer => ({ is: 'redirect', to: keys.redirect, status: keys.status }));
  const error = 'an answer, like { respond: 200, text: ok }';
  const type = z.string({ error: 'a media type, like text/html' }).refine(isMediaType, 'a media type, like text/html');
  const respond = z
    .strictObject(
      {
        respond: z.int({ error: statusExpected }).refine(isPlainStatus, statusExpected).describe('The status of the answer.'),
        text: z
          .string({ error: 'a text' })
          .max(65_536, 'a text of 65536 characters at most, or a file')
          .optional()
          .describe('What it says.'),
        file: z
          .string({ error: 'the path of a file' })
          .min(1, 'the path of a file')
          .max(4096, 'a shorter path')
          .optional()
          .describe('A file that holds what it says.'),
        type: type.optional().describe('Its media type.'),
      },
      { error },
    )
    .transform((keys, context): FixedAnswer => {
      if (keys.text !== undefined && keys.file !== undefined && context.issues.length === 0)
        context.issues.push({ code: 'custom', message: 'text or file, not both', input: keys });
      return { is: 'respond', status: keys.respond, text: keys.text ?? null, file: keys.file ?? null, type: keys.type ?? null };
    });
  return [redirect, respond] as const;
}

function isPlainStatus(status: number): boolean {
  if (status < 200 || status > 599 || (status >= 300 && status < 400)) return false;
  return ![204, 205, 206, 401, 407, 426].includes(status);
}

function isMediaType(text: string): boolean {
  return text.length <= 100 && /^[a-z]+\/[a-z0-9.+-]+(?:; ?[a-z]+=[a-zA-Z0-9.-]+)?$/.test(text) && consistsOf(text, valueOctet);
}
