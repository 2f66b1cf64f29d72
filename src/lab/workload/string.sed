# Lines of text as C string literals.
s/["\\]/\\&/g
s/.*/"&\\n"/
