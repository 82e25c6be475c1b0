"""Tools: typed functions that agents may call, and how they are declared, checked and called."""
