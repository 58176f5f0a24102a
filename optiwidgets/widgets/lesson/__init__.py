"""Widgets of lesson cells: quizzes, live text, slides, threshold, gallery."""
