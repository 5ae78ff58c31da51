#include "recon/report/page_assets.h"

namespace recon {

const char* const page_style = R"css(
:root { --ink: #1d232b; --soft: #5c6773; --line: #dde2e8; --good: #e3f3e6; --bad: #fdeceb; --accent: #1f5fa8; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f7f9; color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 10px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 22px 0 8px; color: var(--soft); font-weight: 600; }
p { margin: 6px 0; max-width: 90ch; }
.note { color: var(--soft); font-size: 13.5px; }
nav { margin: 10px 0; display: flex; flex-wrap: wrap; gap: 4px 14px; }
a { color: var(--accent); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; background: #fff; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 5px 9px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { font-size: 13px; color: var(--soft); font-weight: 600; background: #fbfcfd; }
th:first-child, td:first-child, .text { text-align: left; }
td.text { white-space: normal; min-width: 12ch; }
td.best { background: var(--good); font-weight: 600; }
tr.failed td { background: var(--bad); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(158px, 1fr)); gap: 12px; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 8px; }
.card h4 { margin: 0 0 6px; font-size: 14px; overflow-wrap: anywhere; }
.card.failed { border: 1px dashed #c9564d; background: var(--bad); font-size: 13px; overflow-wrap: anywhere; }
figure { margin: 0 0 6px; }
figure img { width: 100%; display: block; image-rendering: pixelated; cursor: zoom-in; border-radius: 2px; }
figure img:focus-visible { outline: 3px solid var(--accent); }
.slices div { overflow: hidden; border-radius: 2px; }
.slices img { cursor: auto; }
.slices input { width: 100%; margin: 4px 0 0; }
figcaption { font-size: 12px; color: var(--soft); padding-top: 2px; line-height: 1.35; }
.plots { display: flex; flex-wrap: wrap; gap: 12px; }
.plots svg { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; background: #fff; }
details { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 8px 14px; margin: 10px 0; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
#viewer { position: fixed; inset: 0; background: #14171bf2; display: none; overflow: hidden; z-index: 9; }
#viewer.open { display: block; }
#viewer img { position: absolute; left: 50%; top: 50%; image-rendering: pixelated; cursor: grab; }
#viewer .bar { position: absolute; left: 0; right: 0; top: 0; display: flex; gap: 14px; align-items: center;
  padding: 8px 16px; color: #eee; background: #000a; font-size: 14px; }
#viewer .bar b { flex: 1; font-weight: 600; }
#viewer button { background: #333b45; color: #eee; border: 0; border-radius: 4px; padding: 4px 11px; font: inherit;
  cursor: pointer; }
@media print { body { background: #fff; } #viewer { display: none; } }
)css";

const char* const page_viewer = R"html(<div id="viewer" role="dialog" aria-label="picture viewer">
<img alt="">
<div class="bar"><b></b><span>wheel: zoom, drag: move, &#8592; &#8594;: next method</span>
<button data-act="prev" aria-label="previous">&#8592;</button><button data-act="next" aria-label="next">&#8594;</button>
<button data-act="close">close</button></div></div>)html";

const char* const page_script = R"js(
(() => {
  const viewer = document.getElementById('viewer'), big = viewer.querySelector('img'), label = viewer.querySelector('b');
  let group = [], at = 0, zoom = 1, dx = 0, dy = 0, drag = null, from = null;
  const place = () => { big.style.transform = `translate(-50%, -50%) translate(${dx}px, ${dy}px) scale(${zoom})`; };
  const show = (i) => {
    at = (i + group.length) % group.length;
    const picture = group[at];
    big.src = picture.src;
    big.style.width = big.style.height = Math.min(innerWidth, innerHeight - 60) * 0.94 + 'px';
    big.style.objectFit = 'contain';
    label.textContent = `${picture.dataset.label}  (${at + 1} of ${group.length})`;
    place();
  };
  const open = (picture) => {
    group = [...document.querySelectorAll('img[data-group]')].filter(p => p.dataset.group === picture.dataset.group);
    zoom = 1; dx = dy = 0; from = picture;
    viewer.classList.add('open');
    show(group.indexOf(picture));
  };
  const close = () => { viewer.classList.remove('open'); if (from) from.focus({preventScroll: true}); };
  document.addEventListener('click', e => { if (e.target.matches('img[data-group]')) open(e.target); });
  document.addEventListener('input', e => {
    for (const slider of document.querySelectorAll('input[data-slices]')) {
      if (slider.dataset.slices !== e.target.dataset.slices) continue;
      const count = Number(slider.max) + 1, slice = slider.value = e.target.value;
      slider.previousElementSibling.firstChild.style.transform = `translateY(-${100 * slice / count}%)`;
      slider.nextElementSibling.textContent = `slice ${Number(slice) + 1} of ${count}`;
    }
  });
  document.addEventListener('keydown', e => {
    if (e.key === 'Enter' && e.target.matches && e.target.matches('img[data-group]')) return open(e.target);
    if (!viewer.classList.contains('open')) return;
    if (e.key === 'Escape') close();
    if (e.key === 'ArrowRight') show(at + 1);
    if (e.key === 'ArrowLeft') show(at - 1);
    if (e.key.startsWith('Arrow')) e.preventDefault();
  });
  viewer.addEventListener('wheel', e => {
    e.preventDefault();
    const old = zoom, cx = e.clientX - innerWidth / 2, cy = e.clientY - innerHeight / 2;
    zoom = Math.min(40, Math.max(0.5, zoom * Math.exp(-e.deltaY / 400)));
    dx = cx - (cx - dx) * zoom / old;
    dy = cy - (cy - dy) * zoom / old;
    place();
  }, {passive: false});
  big.addEventListener('pointerdown', e => {
    drag = [e.clientX - dx, e.clientY - dy];
    big.setPointerCapture(e.pointerId);
    e.preventDefault();
  });
  big.addEventListener('pointermove', e => { if (drag) { dx = e.clientX - drag[0]; dy = e.clientY - drag[1]; place(); } });
  big.addEventListener('pointerup', () => { drag = null; });
  viewer.addEventListener('click', e => {
    const act = e.target.dataset.act;
    if (act === 'prev') show(at - 1);
    else if (act === 'next') show(at + 1);
    else if (act === 'close' || e.target === viewer) close();
  });
})();
)js";

}  // namespace recon
