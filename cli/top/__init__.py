"""`flowledger top`: how the service does, live on one screen.

looking   what is asked of which server, how often, each in a thread of its own
seen      what is known at a moment, and of which server it is old
parts     the parts of the screen, as lines
page      the lines that fit into so many columns and rows
run       the loop: keys, screen, one screen on a pipe
"""
