'use strict';
// The examples call where this page comes from.
for (const origin of document.querySelectorAll('.origin')) origin.textContent = location.origin;

for (const example of navigator.clipboard ? document.querySelectorAll('.example') : []) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(example.querySelector('code').textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
  example.append(button);
}

// A link to a schema opens it.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = target?.closest('details');
  if (!details) return;
  details.open = true;
  target.scrollIntoView();
}
addEventListener('hashchange', reveal);
reveal();

const filter = document.getElementById('filter');
filter.hidden = false;
filter.addEventListener('input', () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const article of document.querySelectorAll('article')) {
    const route = article.querySelector('.route').textContent;
    const hidden = !`${article.id} ${route}`.toLowerCase().includes(wanted);
    article.hidden = hidden;
    document.querySelector(`nav a[href="#${CSS.escape(article.id)}"]`).parentElement.hidden = hidden;
  }
});
