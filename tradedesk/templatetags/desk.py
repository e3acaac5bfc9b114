"""Template tags of the desk: how numbers and times look."""

from django import template

register = template.Library()
