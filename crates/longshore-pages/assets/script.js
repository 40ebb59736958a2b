// What the pages gain from script; they work without it. Each part looks for the elements that it is for.

const zh = document.documentElement.lang === 'zh-CN';

// Lines to copy get a button.
for (const line of document.querySelectorAll('.copy')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'second';
  button.textContent = zh ? '复制' : 'Copy';
  button.addEventListener('click', async () => {
    const code = line.querySelector('code');
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = zh ? '已复制' : 'Copied';
      setTimeout(() => { button.textContent = zh ? '复制' : 'Copy'; }, 2000);
    } catch {
      // Not allowed, as on plain HTTP: the line is selected, to be copied by hand.
      getSelection().selectAllChildren(code);
    }
  });
  line.append(button);
}

// Suggestions while somebody types.
for (const input of document.querySelectorAll('input[data-suggest]')) {
  const list = document.getElementById(input.getAttribute('list'));
  let waiting;
  let asked = 0;
  input.addEventListener('input', () => {
    clearTimeout(waiting);
    const text = input.value.trim();
    if (text.length < 2) return;
    waiting = setTimeout(async () => {
      const mine = ++asked;
      const reply = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(text)}`);
      if (!reply.ok || mine !== asked) return;
      const found = await reply.json();
      list.replaceChildren(...found.map((value) => new Option(value, value)));
    }, 150);
  });
}

// Parts of the page that follow what happens: the server names an event, the part is fetched anew.
for (const part of document.querySelectorAll('[data-live]')) {
  const source = new EventSource(part.dataset.live);
  const refresh = async () => {
    const reply = await fetch(location.href);
    if (!reply.ok) return;
    const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
    const fresh = page.getElementById(part.id);
    // Not under somebody's hands.
    if (fresh && !part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
  };
  source.addEventListener('change', refresh);
  // What happened while nobody listened is not told again.
  let opened = false;
  source.addEventListener('open', () => {
    if (opened) refresh();
    opened = true;
  });
  addEventListener('pagehide', () => source.close());
}
