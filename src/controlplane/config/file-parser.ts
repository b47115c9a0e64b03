/** Reads a configuration file by its schema: the whole of it is right, or every mistake is named with line and column. */

import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { ZodType } from 'zod';
import { SallyportError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { complaints } from './complaint.ts';
import type { KeyTree } from './complaint.ts';
import { ownDocument, readDocument } from './document.ts';
import type { Problem, ReadDocument } from './document.ts';

export type ParsedFile<Config> = Readonly<{ ok: true; config: Config }> | Readonly<{ ok: false; problems: readonly Problem[] }>;

export type FileParser<Config> = Readonly<{
  /** @param path the file's path, against which its relative paths are read; not opened */
  parse: (text: string, path: string) => ParsedFile<Config>;
  /** The same of what a command line says: the same schema as for a file. */
  take: (value: unknown, path: string) => ParsedFile<Config>;
  /** The published JSON Schema (draft 2020-12) of what `parse` takes. */
  jsonSchema: () => Readonly<Record<string, unknown>>;
}>;

export type FileKind<Checked, Config> = Readonly<{
  title: string;
  schema: ZodType<Checked>;
  /** What is right for itself and wrong together. */
  contradictions: (file: Checked, document: ReadDocument) => readonly Problem[];
  /** `absolute` makes a path of the file absolute, seen from the file's own folder. */
  settle: (file: Checked, absolute: (path: string) => string) => Config;
}>;

export function fileParser<Checked, Config>({ title, schema, contradictions, settle }: FileKind<Checked, Config>): FileParser<Config> {
  const jsonSchema = () => ({ title, ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) });
  let keys: KeyTree | null = null;
  const check = (read: ReturnType<typeof readDocument>, path: string): ParsedFile<Config> => {
    if (!read.ok) return { ok: false, problems: read.problems };
    // Read once: a function compiled for each of its objects costs more than it brings.
    const checked = schema.safeParse(read.document.value, { jitless: true });
    if (!checked.success) {
      keys ??= jsonSchema() as KeyTree;
      return { ok: false, problems: complaints(checked.error.issues, read.document, keys) };
    }
    const problems = contradictions(checked.data, read.document);
    if (problems.length > 0) return { ok: false, problems };
    return { ok: true, config: settle(checked.data, (part) => resolve(dirname(path), part)) };
  };
  return {
    jsonSchema,
    take: (value, path) => {
      const text = JSON.stringify(value);
      return tooLong(text) ?? check(ownDocument(text), path);
    },
    parse: (text, path) => tooLong(text) ?? check(readDocument(text.replace(/^\uFEFF/, '')), path),
  };
}

function tooLong({ length }: string): Readonly<{ ok: false; problems: readonly Problem[] }> | null {
  if (length <= defaults.configBytesMax) return null;
  const sentence = `found ${length} characters, expected ${defaults.configBytesMax} at most`;
  return { ok: false, problems: [{ line: 1, column: 1, sentence }] };
}

/**
 * The same as an error for the command line: the first mistake in one sentence, and how many more there are.
 * @param check the command that names every mistake: `sallyport config check`
 */
export function configOrThrow<Config>(parsed: ParsedFile<Config>, path: string, check = 'sallyport config check'): Config {
  if (parsed.ok) return parsed.config;
  const [first, ...more] = parsed.problems;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  throw new SallyportError('config-malformed', first === undefined ? `${path} cannot be read.` : problemWords(first, path, rest), {
    hint: `See every mistake: ${check} ${path}`,
  });
}

/** `sallyport.yaml, line 4, column 9: services.blog.to: found 70000, expected a port from 1 to 65535.` */
export function problemWords({ line, column, sentence }: Problem, path: string, rest = ''): string {
  const words = `${path}, line ${line}, column ${column}: ${sentence}${rest}`;
  return words.endsWith('?') ? words : `${words}.`;
}
