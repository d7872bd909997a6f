"""An answer (checker/questions/answer.py) in the forms that reviewers' tools read, one file a form: each renders, and decides
nothing. What is text of somebody else's (names of files, sentences of properties) is escaped as the form asks."""
