/** Adds comments to the page while it is read. */

const list = document.querySelector('#comments');
if (list !== null) {
  new EventSource('/live').addEventListener('comment', ({ data }) => {
    const { id, post, name, text, at } = JSON.parse(data);
    if (String(post) !== list.dataset.post || document.querySelector(`#c${id}`) !== null) return;
    const item = document.createElement('li');
    item.id = `c${id}`;
    const who = document.createElement('b');
    who.textContent = name;
    const words = document.createElement('p');
    words.textContent = text;
    item.append(who, ` ${new Date(at).toISOString().slice(0, 10)}`, words);
    list.append(item);
  });
}
