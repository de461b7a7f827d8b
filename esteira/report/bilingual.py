"""A text in both languages of the pages. It escapes itself, so a template cannot forget to."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

PORTUGUESE, ENGLISH = "pt-BR", "en"


@dataclass(frozen=True, slots=True)
class Text:
    """One thing to say, in Portuguese and in English.

    Attributes:
        pt, en: Plain text; what HTML means something by is escaped when a page shows it.
    """

    pt: str
    en: str

    @classmethod
    def same(cls, text: str) -> Text:
        """A text that needs no translation: a name, a hash."""
        return cls(text, text)

    def filled(self, **values: Text | str) -> Text:
        """The text with `{name}` replaced, in each language by that language's."""
        texts = {name: value if isinstance(value, Text) else Text.same(value) for name, value in values.items()}
        return Text(
            self.pt.format(**{name: text.pt for name, text in texts.items()}),
            self.en.format(**{name: text.en for name, text in texts.items()}),
        )

    def __html__(self) -> str:
        """Both languages as elements of which the style sheet shows one; a single text where they are equal."""
        if self.pt == self.en:
            return escape(self.pt)
        return Markup('<span lang="{}">{}</span><span lang="{}">{}</span>').format(
            PORTUGUESE, self.pt, ENGLISH, self.en
        )


def joined(texts: list[Text], between: str = ", ") -> Text:
    """Texts one after another, in each language."""
    return Text(between.join(text.pt for text in texts), between.join(text.en for text in texts))
