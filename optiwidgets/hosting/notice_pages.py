"""Small notice pages: class full, no such lesson, server error, class metrics."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

CLASS_IS_FULL = "The class is full", "You come in as soon as somebody leaves."
MANY_PAGES = "Many pages are open", "Close one of your {} lessons."
TRIES_AGAIN = "This page tries again every {} seconds."
STYLE = """
  :root { color-scheme: light dark; }
  body { font: 18px/1.5 system-ui, sans-serif; max-width: 42rem; }
  body { margin: 12vh auto; padding: 0 1rem; }
  h1 { font-size: 28px; }
  input, button { font: inherit; padding: 4px 12px; }
  td, th { padding: 4px 24px 4px 0; text-align: left; font-variant-numeric: tabular-nums; }
"""


def notice(title: str, text: str, *, again_s: int | None = None, inside: str = "") -> str:
    """Format a page with one notice; it reloads after so many seconds.

    Examples
    --------
    >>> "<h1>The class is full</h1>" in notice("The class is full", "Soon.", again_s=5)
    True
    """
    again = f'<meta http-equiv="refresh" content="{again_s}">' if again_s else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{again}'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"<p>{escape(text)}</p>{inside}</main></body></html>"
    )


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Format names and values as a table."""
    cells = (f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in rows)
    return f"<table>{''.join(cells)}</table>"


def password(hidden: str) -> str:
    """Format a field for password or token, with the form's hidden fields."""
    box = '<input type="password" name="password" aria-label="Password" autofocus required>'
    return f'<form method="post">{hidden}{box} <button>Enter</button></form>'


def button(to: str, label: str, hidden: str) -> str:
    """Format a button that posts a form of hidden fields to an address."""
    return (
        f'<form method="post" action="{escape(to)}">{hidden}<button>{escape(label)}</button></form>'
    )


def links(pages: Iterable[tuple[str, str]]) -> str:
    """Format addresses and their titles as a list of links."""
    items = (f'<li><a href="{escape(to)}">{escape(name)}</a></li>' for to, name in pages)
    return f"<ul>{''.join(items)}</ul>"
