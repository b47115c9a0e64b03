/** A light scanner of TypeScript: tells code from comments, strings and patterns, so that a rule looks at code only. */

export type Text = Readonly<{ at: number; value: string }>;

export type Scanned = Readonly<{
  /** The source with comments and the insides of strings, templates and patterns blanked; every offset stays. */
  code: string;
  comments: readonly Text[];
  /** Strings in quotes, without them. */
  strings: readonly Text[];
}>;

/** After these a `/` begins a pattern; after a name, a number or a closing bracket it divides. */
const beforePattern = /(?:^|[({[,;:=!&|?+\-*%<>~^}]|=>|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield))\s*$/;

export function scan(source: string): Scanned {
  const out = source.split('');
  const comments: Text[] = [];
  const strings: Text[] = [];
  /** One entry for each template that is open around us: the depth of braces at which its expression ends. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;

  const blank = (from: number, to: number): void => {
    for (let index = from; index < to; index++) if (out[index] !== '\n') out[index] = ' ';
  };
  const skipTo = (end: number): number => (end === -1 ? source.length : end);
  /** Blanks the text of a template from `from` to its `${` or its closing quote. */
  const template = (from: number): number => {
    let index = from;
    while (index < source.length && source[index] !== '`') {
      if (source[index] === '\\') index++;
      else if (source.startsWith('${', index)) {
        templates.push(depth);
        depth++;
        blank(from, index);
        return index + 2;
      }
      index++;
    }
    blank(from, index);
    return index + 1;
  };

  while (at < source.length) {
    const char = source[at];
    if (source.startsWith('//', at)) {
      const end = skipTo(source.indexOf('\n', at));
      comments.push({ at, value: source.slice(at, end) });
      blank(at, end);
      at = end;
    } else if (source.startsWith('/*', at)) {
      const end = Math.min(skipTo(source.indexOf('*/', at)) + 2, source.length);
      comments.push({ at, value: source.slice(at, end) });
      blank(at, end);
      at = end;
    } else if (char === "'" || char === '"') {
      const end = endOfString(source, at, char);
      strings.push({ at, value: source.slice(at + 1, end) });
      blank(at + 1, end);
      at = end + 1;
    } else if (char === '`') {
      at = template(at + 1);
    } else if (char === '/' && beforePattern.test(out.slice(Math.max(0, at - 40), at).join(''))) {
      const end = endOfPattern(source, at);
      blank(at + 1, end);
      at = end + 1;
    } else {
      if (char === '{') depth++;
      if (char === '}') depth--;
      at++;
      if (char === '}' && templates.at(-1) === depth) {
        templates.pop();
        at = template(at);
      }
    }
  }
  return { code: out.join(''), comments, strings };
}

function endOfString(source: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1;
  return at;
}

function endOfPattern(source: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '[') inClass = true;
    if (source[at] === ']') inClass = false;
    at += source[at] === '\\' ? 2 : 1;
  }
  return at;
}

/** What a file imports, types included: static, side effects, re-exports, `import()`. */
export function importsOf(scanned: Scanned): readonly string[] {
  return scanned.strings
    .filter(({ at }) => /\b(?:from|import)\s*\(?\s*$/.test(scanned.code.slice(Math.max(0, at - 60), at)))
    .map(({ value }) => value);
}

export function lineAt(source: string, at: number): number {
  return source.slice(0, at).split('\n').length;
}

/** The bodies of functions: after `=>`, or after a list of parameters and perhaps the type of what is returned. */
export function functionsOf(code: string): readonly Readonly<{ line: number; lines: number }>[] {
  const found: { line: number; lines: number }[] = [];
  for (let at = code.indexOf('{'); at !== -1; at = code.indexOf('{', at + 1)) {
    if (!opensFunction(code, at)) continue;
    const end = closing(code, at);
    const line = lineAt(code, at);
    found.push({ line, lines: lineAt(code, end) - line + 1 });
  }
  return found;
}

function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === '{') depth++;
    if (code[at] === '}' && --depth === 0) return at;
  }
  return code.length;
}

/** Looks back from a brace over the type of a result (`): Promise<A | { b: C }> {`) to a closing bracket. */
function opensFunction(code: string, brace: number): boolean {
  const before = code.slice(Math.max(0, brace - 600), brace).trimEnd();
  if (before.endsWith('=>') || before.endsWith(')')) return true;
  if (/\b(?:class|interface)\s[^{}();]*$/.test(before)) return false;
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at--) {
    const char = before[at] ?? '';
    if ('}>])'.includes(char) && before[at - 1] !== '=') depth++;
    else if ('{<[('.includes(char)) depth--;
    else if (depth === 0 && char === ':') return before.slice(0, at).trimEnd().endsWith(')');
    else if (depth === 0 && ';,='.includes(char) && before[at + 1] !== '>') return false;
    if (depth < 0) return false;
  }
  return false;
}
