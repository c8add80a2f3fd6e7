class User(:
