"""What every part of Étude imports: the generated contract, the chassis of a service, the IR library, the client."""
