/** Reads `sallyport.yaml`: the whole of it is right, or every mistake is named with line and column. */

import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Guard } from '../../contracts/guard.ts';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { complaints } from './complaint.ts';
import type { KeyTree } from './complaint.ts';
import { contradictions } from './contradictions.ts';
import { readDocument } from './document.ts';
import type { Problem } from './document.ts';
import type { Config } from './plan.ts';
import { configSchema } from './schema.ts';
import { settle } from './settle.ts';

export type Parsed = Readonly<{ ok: true; config: Config }> | Readonly<{ ok: false; problems: readonly Problem[] }>;

export type Parser = Readonly<{
  /** @param path the file's path, against which its relative paths are read; not opened */
  parse: (text: string, path: string) => Parsed;
  /** The published JSON Schema (draft 2020-12) of what `parse` takes. */
  jsonSchema: () => Readonly<Record<string, unknown>>;
}>;

/** A parser for the guards that exist. */
export function configParser(guards: readonly Guard<unknown>[]): Parser {
  const schema = configSchema(guards);
  const jsonSchema = () => ({
    title: 'Sallyport configuration',
    ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
  });
  let keys: KeyTree | null = null;
  return {
    jsonSchema,
    parse(text, path) {
      if (text.length > defaults.configBytesMax)
        return wrong({ line: 1, column: 1, sentence: `found ${text.length} characters, expected ${defaults.configBytesMax} at most` });
      const read = readDocument(text.replace(/^\uFEFF/, ''));
      if (!read.ok) return { ok: false, problems: read.problems };
      const checked = schema.safeParse(read.document.value);
      if (!checked.success) {
        keys ??= jsonSchema() as KeyTree;
        return { ok: false, problems: complaints(checked.error.issues, read.document, keys) };
      }
      const problems = contradictions(checked.data, read.document);
      if (problems.length > 0) return { ok: false, problems };
      return { ok: true, config: settle(checked.data, (part) => resolve(dirname(path), part)) };
    },
  };
}

function wrong(problem: Problem): Parsed {
  return { ok: false, problems: [problem] };
}

/** The same as an error for the command line: the first mistake in one sentence, and how many more there are. */
export function configOrThrow(parsed: Parsed, path: string): Config {
  if (parsed.ok) return parsed.config;
  const [first, ...more] = parsed.problems;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw new SallyportError('config-malformed', first === undefined ? `${path} cannot be read.` : problemWords(first, path, rest), {
    hint: `See every mistake: sallyport config check ${path}`,
  });
}

/** `sallyport.yaml, line 4, column 9: services.blog.to: found 70000, expected a port from 1 to 65535.` */
export function problemWords({ line, column, sentence }: Problem, path: string, rest = ''): string {
  const words = `${path}, line ${line}, column ${column}: ${sentence}${rest}`;
  return words.endsWith('?') ? words : `${words}.`;
}
