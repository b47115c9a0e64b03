/** The pages of the blog, as strings of HTML. */

import type { Comment, Post } from './posts.ts';

/** HTML that may stand in a page as it is. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | readonly Markup[];

/** Everything that is put into the template is escaped, unless it is markup already. */
function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.reduce((text, literal, index) => text + (index === 0 ? '' : written(parts[index - 1] ?? '')) + literal, ''));
}

function written(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  return String(part).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** What the blog sees of whoever asks. */
export type Visitor = Readonly<{ socket: string; forwardedFor: string | null; scheme: string; name: string; local: boolean }>;

function layout(title: string, visitor: Visitor, body: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="data:," />
        <script src="/blog.js" defer></script>
      </head>
      <body>
        <header><a href="/">The Postern</a><span>notes from behind a small door</span></header>
        <main>${body}</main>
        <footer>
          <p>
            ${visitor.local ? html`You look local to me, so there is a pen: <a href="/write">write a post</a>.` : html`You came through the door. Welcome.`}
          </p>
          <dl>
            <dt>your socket</dt>
            <dd>${visitor.socket}</dd>
            <dt>X-Forwarded-For</dt>
            <dd>${visitor.forwardedFor ?? 'none'}</dd>
            <dt>scheme</dt>
            <dd>${visitor.scheme}</dd>
          </dl>
        </footer>
      </body>
    </html>`.text;
}

function paragraphs(text: string): readonly Markup[] {
  return text.split(/\n\s*\n/).map((paragraph) => html`<p>${paragraph}</p>`);
}

function day(at: number): Markup {
  const date = new Date(at).toISOString().slice(0, 10);
  return html`<time datetime="${date}">${date}</time>`;
}

export function homePage(posts: readonly Post[], visitor: Visitor): string {
  const items = posts.map(
    ({ id, title, text, at }) => html`
      <article>
        <h2><a href="/posts/${id}">${title}</a></h2>
        ${day(at)}
        <p>${text.split('\n')[0] ?? ''}</p>
      </article>
    `,
  );
  return layout('The Postern', visitor, html`${items}`);
}

export function postPage(post: Post, comments: readonly Comment[], visitor: Visitor): string {
  const items = comments.map(({ id, name, text, at }) => html`<li id="c${id}"><b>${name}</b> ${day(at)}${paragraphs(text)}</li>`);
  const body = html`
    <article>
      <h1>${post.title}</h1>
      ${day(post.at)} ${paragraphs(post.text)}
    </article>
    <section>
      <h2>Comments</h2>
      <ol id="comments" data-post="${post.id}">
        ${items}
      </ol>
      <form method="post" action="/posts/${post.id}/comments">
        <label>Your name <input name="name" value="${visitor.name}" maxlength="60" required autocomplete="name" /></label>
        <label>Your comment <textarea name="text" rows="4" maxlength="4000" required></textarea></label>
        <button>Leave it here</button>
      </form>
    </section>
  `;
  return layout(post.title, visitor, body);
}

export function writePage(visitor: Visitor): string {
  const body = html`
    <h1>A new post</h1>
    <form method="post" action="/write">
      <label>Title <input name="title" maxlength="200" required /></label>
      <label>Text <textarea name="text" rows="12" maxlength="4000" required></textarea></label>
      <button>Publish</button>
    </form>
  `;
  return layout('A new post', visitor, body);
}

export function missingPage(visitor: Visitor): string {
  return layout(
    'Nothing here',
    visitor,
    html`<h1>Nothing here</h1>
      <p>This page is not one of mine. <a href="/">The front page</a> is.</p>`,
  );
}
