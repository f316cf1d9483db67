"""`etude serve --profile production`: the mesh as processes of their own, on real PostgreSQL, S3 and Valkey servers.

The servers' programs come from wheels (the extra `production`); nothing needs to be installed beside Python.
"""
