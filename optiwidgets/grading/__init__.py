"""Answers, checks of answers, submissions, and the bank of questions."""
