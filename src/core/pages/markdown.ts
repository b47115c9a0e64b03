/**
 * A strict part of Markdown for texts of the operator: headings, paragraphs, lists, rules, quotes, bold, italic, code and links.
 * Everything is text unless it is one of these; raw HTML, pictures and other schemes than https and mailto are text as well.
 */

import { markup, type Markup } from './markup.ts';

type Block = Readonly<{ is: 'heading' | 'paragraph' | 'bullets' | 'numbers' | 'quote' | 'rule'; lines: readonly string[] }>;

/** The page has the first heading of its own. */
export function markdown(text: string): Markup {
  const blocks = blocksOf(text.replaceAll('\r\n', '\n').split('\n'));
  return joined(blocks.map(blockMarkup));
}

function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: { is: Block['is']; lines: string[] }[] = [];
  let open: (typeof blocks)[number] | null = null;
  for (const line of lines) {
    const [is, content] = lineOf(line);
    if (is === null) {
      open = null;
    } else if (is === 'paragraph' && open !== null && open.is !== 'heading' && open.is !== 'rule') {
      // A line that goes on is one with the last: of a paragraph, a quote or an item.
      open.lines.push(`${open.lines.pop() ?? ''} ${content}`);
    } else if (open !== null && open.is === is && is !== 'heading' && is !== 'rule') {
      open.lines.push(content);
    } else {
      open = { is, lines: [content] };
      blocks.push(open);
    }
  }
  return blocks;
}

function lineOf(line: string): readonly [is: Block['is'] | null, content: string] {
  const text = line.trim();
  if (text === '') return [null, ''];
  if (/^#{1,6} /.test(text)) return ['heading', text.slice(text.indexOf(' ') + 1)];
  if (/^(?:-{3,}|\*{3,}|_{3,})$/.test(text)) return ['rule', ''];
  if (/^[-*+] /.test(text)) return ['bullets', text.slice(2)];
  if (/^\d{1,4}[.)] /.test(text)) return ['numbers', text.slice(text.indexOf(' ') + 1)];
  return text.startsWith('> ') ? ['quote', text.slice(2)] : ['paragraph', text];
}

function blockMarkup({ is, lines }: Block): Markup {
  const inside = lines.map(inline);
  switch (is) {
    case 'heading':
      return markup`<h2>${inside}</h2>\n`;
    case 'rule':
      return markup`<hr>\n`;
    case 'bullets':
      return markup`<ul>\n${inside.map((item) => markup`<li>${item}</li>\n`)}</ul>\n`;
    case 'numbers':
      return markup`<ol>\n${inside.map((item) => markup`<li>${item}</li>\n`)}</ol>\n`;
    case 'quote':
      return markup`<blockquote>${inside.map((item) => markup`<p>${item}</p>`)}</blockquote>\n`;
    case 'paragraph':
      return markup`<p>${inside}</p>\n`;
    default:
      return is satisfies never;
  }
}

/** Each alternative ends at its own mark: time is linear in the line. */
const pieces = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\][]+)\]\(([^()\s]+)\)/g;

function inline(text: string): Markup {
  const parts: Markup[] = [];
  let at = 0;
  for (const found of text.matchAll(pieces)) {
    const [whole, code, bold, italic, label, target] = found;
    parts.push(markup`${text.slice(at, found.index)}`);
    at = found.index + whole.length;
    if (code !== undefined) parts.push(markup`<code>${code}</code>`);
    else if (bold !== undefined) parts.push(markup`<strong>${bold}</strong>`);
    else if (italic !== undefined) parts.push(markup`<em>${italic}</em>`);
    else parts.push(link(whole, label ?? '', target ?? ''));
  }
  return joined([...parts, markup`${text.slice(at)}`]);
}

function link(whole: string, label: string, target: string): Markup {
  return /^(?:https:\/\/|mailto:)[\x21-\x7e]+$/.test(target) ? markup`<a href="${target}" rel="noreferrer">${label}</a>` : markup`${whole}`;
}

function joined(parts: readonly Markup[]): Markup {
  return markup`${parts}`;
}
