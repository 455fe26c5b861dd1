// The beginning of a page that is a single file: unpacks its parts, which the
// element "parts" holds as gzip in base64, and starts the module named there.
// A part is a line of JSON: its path, and its text or its bytes in base64.
(async () => {
  const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0));
  const parts = document.getElementById("parts");
  const plain = new Blob([bytes(parts.textContent.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { modules, files, start } = JSON.parse(await new Response(plain).text());
  globalThis.vecheFiles = new Map();
  for (const [path, text] of files) vecheFiles.set(path, new TextEncoder().encode(text));
  for (const e of document.querySelectorAll("script[data-path]")) vecheFiles.set(e.dataset.path, bytes(e.textContent.trim()));
  // A module comes after those that it imports; it is given their addresses.
  const urls = {};
  for (const [name, text] of modules) {
    const linked = text.replace(/\b(from\s*|import\s*|import\()"\.\/([^"]+)"/g, (_, verb, other) => verb + JSON.stringify(urls[other]));
    urls[name] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }));
  }
  await import(urls[start]);
})();
