/** Reads `sallyport.yaml`: what it says, or every mistake in it. */

import type { Guard } from '../../contracts/guard.ts';
import { contradictions } from './contradictions.ts';
import { fileParser } from './file-parser.ts';
import type { FileParser, ParsedFile } from './file-parser.ts';
import type { Config } from './plan.ts';
import { configSchema } from './schema.ts';
import { settle } from './settle.ts';

export { configOrThrow, problemWords } from './file-parser.ts';

export type Parsed = ParsedFile<Config>;

export type Parser = FileParser<Config>;

/** A parser for the guards that exist. */
export function configParser(guards: readonly Guard<unknown>[]): Parser {
  return fileParser({ title: 'Sallyport configuration', schema: configSchema(guards), contradictions, settle });
}
