/**
 * Cookies stay at the host that set them. Names below one relay belong to different people, and browsers take a Domain above
 * all of them: what one service set there would be sent to the others, and could stand in for their own (cookie tossing).
 */

import { fieldOf, type Field } from './fields.ts';
import type { Rewriter } from './rewrite.ts';

/** @param before the rewriter that the operator's own rules have made, which comes first */
export function hostOnlyCookies(before: Rewriter | undefined): Rewriter {
  return {
    target: (head) => before?.target(head) ?? (before === undefined ? head.target : null),
    request: (head) => before?.request(head) ?? head,
    response: (answer, asked, scheme) => {
      const head = before?.response(answer, asked, scheme) ?? answer;
      return head.fields.some(hasDomain) ? { ...head, fields: head.fields.map(withoutDomain) } : head;
    },
  };
}

function hasDomain({ lower, value }: Field): boolean {
  return lower === 'set-cookie' && value.includes(';') && /;[\t ]*domain[\t ]*(?:=|;|$)/i.test(value);
}

function withoutDomain(field: Field): Field {
  if (!hasDomain(field)) return field;
  const [pair = '', ...attributes] = field.value.split(';');
  const kept = attributes.filter((attribute) => (attribute.split('=', 1)[0] ?? '').trim().toLowerCase() !== 'domain');
  return fieldOf(field.name, [pair, ...kept].join(';'));
}
