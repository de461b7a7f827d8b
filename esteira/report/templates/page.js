(() => {
  const root = document.documentElement, radios = { "pt-BR": document.getElementById("lang-pt"), en: document.getElementById("lang-en") };
  const speak = (language) => { root.lang = language; radios[language].checked = true; };
  let kept = null;
  try { kept = localStorage.getItem("esteira-language"); } catch { /* a page opened from a file may have no store */ }
  const asked = new URLSearchParams(location.search).get("lang") || kept || navigator.language || "";
  speak(asked.toLowerCase().startsWith("pt") ? "pt-BR" : "en");
  for (const [language, radio] of Object.entries(radios)) radio.addEventListener("change", () => {
    speak(language);
    try { localStorage.setItem("esteira-language", language); } catch { /* the same */ }
  });
  const banner = document.getElementById("aged");
  if (Date.now() - Date.parse(banner.dataset.made) > 86400000) banner.hidden = false;
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
  const field = document.getElementById("search");
  if (!field) return;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const cards = [...document.querySelectorAll(".dataset")].map((card) => [card, plain(card.textContent)]);
  const search = () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [card, text] of cards) { card.hidden = !words.every((word) => text.includes(word)); count += card.hidden ? 0 : 1; }
    document.getElementById("count").textContent = String(count);
    document.getElementById("none").hidden = count > 0;
  };
  field.addEventListener("input", search);
  search();
})();
