// Live updates. Every page is whole without this file; it changes text and widths, never markup.
'use strict';
(() => {
  const main = document.getElementById('main');
  const read = document.querySelector('#read time');
  const thousands = new Intl.NumberFormat('en-US');
  const EVENTS_PAUSE = 1500; // at most one reload for a burst of events, in milliseconds

  // What the stream does not carry is as old as the page; only the counts are live.
  const readAt = Date.now();
  let isLive = false;
  const showAge = () => {
    const seconds = Math.round((Date.now() - readAt) / 1000);
    const age = seconds < 2 ? 'now' : seconds < 90 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
    if (read) read.textContent = isLive ? `${age} · counts live` : age;
  };
  showAge();
  setInterval(showAge, 1000);

  // A reload would take away what somebody is reading, selecting or walking through by keyboard.
  const isBusy = () => document.hidden || document.activeElement !== document.body || String(getSelection()) !== '' || document.querySelector('details[open]');
  const reload = () => { if (!isBusy()) location.reload(); };

  const set = (name, text) => {
    for (const place of main.querySelectorAll(`[data-live="${name}"]`)) place.textContent = text;
  };

  const draw = (event) => {
    const now = event.progress.now;
    const sum = (...kinds) => kinds.reduce((all, kind) => all + (now[kind] || 0), 0);
    const counts = {
      completed: sum('completed'), failed: sum('failed', 'expired'), parked: event.parked,
      cancelled: sum('cancelled', 'suppressed'), running: event.running, ready: event.ready, open: event.progress.open,
    };
    for (const [name, count] of Object.entries(counts)) {
      set(name, thousands.format(count));
      const place = main.querySelector(`.figures > .${name}`);
      if (place) place.classList.toggle('zero', count === 0);
    }
    set('bad', thousands.format(sum('failed', 'expired', 'parked')));
    set('percent', `${event.progress.percent.toFixed(1)}%`);
    const whole = Math.max(1, Object.values(now).reduce((all, count) => all + count, 0) + event.progress.open);
    const share = (count) => 100 * count / whole;
    const chunked = event.strategy === 'combined' && event.progress.open > 0;
    const widths = chunked ? { completed: event.progress.percent, failed: 0, cancelled: 0, running: 0 } : {
      completed: share(counts.completed), failed: share(sum('failed', 'expired', 'parked')),
      cancelled: share(counts.cancelled), running: share(counts.running),
    };
    let x = 0;
    for (const [name, width] of Object.entries(widths)) {
      const part = main.querySelector(`.big [data-part="${name}"]`);
      if (part) { part.setAttribute('x', `${x}%`); part.setAttribute('width', `${width}%`); }
      x += width;
    }
    const state = main.querySelector('[data-live="state"] .state');
    if (state) { state.className = `state ${event.state}`; state.textContent = event.state; }
  };

  if (main.dataset.progress) {
    const source = new EventSource(main.dataset.progress);
    source.addEventListener('error', () => { isLive = false; });
    source.addEventListener('progress', (message) => {
      const event = JSON.parse(message.data);
      isLive = !event.is_final;
      draw(event);
      if (event.is_final) { source.close(); setTimeout(() => location.reload(), 500); }
    });
  }

  if (main.dataset.journal) {
    const source = new EventSource(main.dataset.journal);
    let waiting = null;
    const soon = () => { waiting ??= setTimeout(() => { waiting = null; reload(); }, EVENTS_PAUSE); };
    source.addEventListener('entry', soon);
    source.addEventListener('ended', () => { source.close(); soon(); });
  }

  if (main.dataset.reload) setInterval(reload, 1000 * Number(main.dataset.reload));

  // A command is copied by the button beside it.
  if (navigator.clipboard) {
    for (const command of document.querySelectorAll('code.command')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.textContent = 'copy';
      button.setAttribute('aria-label', `Copy: ${command.textContent}`);
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = 'copied';
        setTimeout(() => { button.textContent = 'copy'; }, 1500);
      });
      command.after(button);
    }
  }
})();
