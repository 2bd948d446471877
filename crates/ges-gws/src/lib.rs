//! GWS services: Environment (API keys, contact centers) and Authentication.
