// Values under the pointer, at once. Without this script the browser shows the same titles after a moment.
(function () {
  var tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.appendChild(tip);
  document.querySelectorAll('svg title').forEach(function (title) {
    title.parentNode.setAttribute('data-tip', title.textContent);
    title.remove();
  });
  document.addEventListener('pointermove', function (event) {
    var mark = event.target.closest ? event.target.closest('[data-tip]') : null;
    tip.hidden = mark === null;
    if (tip.hidden) { return; }
    tip.textContent = mark.getAttribute('data-tip');
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 4)) + 'px';
    tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 12) + 'px';
  });
})();
