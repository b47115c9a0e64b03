/** `rewrite:` beside a proxy: fields of what is somebody else's conversation, and none by which somebody is known there. */

import { isCredentialField } from '../../core/egress/credential-fields.ts';
import type { FieldChanges, Rewriting } from '../../core/http/rewriting.ts';
import type { Path, Problem, ReadDocument } from './document.ts';

const credential = 'a field that is no credential: those are between a client and its destination';

/** What `rewrite` may say there, in the order of its keys. */
export function proxyRewriteProblems(name: string, rewrite: Rewriting | undefined, document: ReadDocument): readonly Problem[] {
  if (rewrite === undefined) return [];
  const here: Path = ['services', name, 'rewrite'];
  const { path, query, outside, cookies } = rewrite;
  const queried = query.set.length > 0 || query.remove.length > 0;
  const besides = [
    path !== null ? 'path' : null,
    queried ? 'query' : null,
    outside !== null ? 'outside' : null,
    cookies.domain !== 'cut' || cookies.sameSite !== null ? 'cookies' : null,
  ].filter((key) => key !== null);
  return [
    ...besides.map((key) => problem(document, [...here, key], `found it beside a proxy, expected request and response alone`)),
    ...fieldProblems(document, [...here, 'request'], rewrite.request),
    ...fieldProblems(document, [...here, 'response'], rewrite.response),
  ];
}

function fieldProblems(document: ReadDocument, here: Path, { set, add, remove }: FieldChanges): readonly Problem[] {
  const named = (key: 'set' | 'add', fields: FieldChanges['set']): readonly Problem[] =>
    fields
      .filter(([field]) => isCredentialField(field.toLowerCase()))
      .map(([field]) => ({
        ...document.place([...here, key], field),
        sentence: `${[...here, key].join('.')}: found ${field}, expected ${credential}`,
      }));
  const removed = remove.flatMap((field, index) =>
    isCredentialField(field) ? [problem(document, [...here, 'remove', index], `found ${field}, expected ${credential}`)] : [],
  );
  return [...named('set', set), ...named('add', add), ...removed];
}

function problem(document: ReadDocument, path: Path, sentence: string): Problem {
  return { ...document.place(path), sentence: `${path.join('.')}: ${sentence}` };
}
